"""
What homes use and roofs make, in each quarter of an hour.

Consumption is a pure function of a meter's seed, the size of its household and the slot: the
number of 900-second steps since the Unix epoch. Its models are made up, and made to look like
homes of Johannesburg; local time is UTC+2 without daylight saving.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from meters.dlms.simulator.homes import SLOTS_PER_DAY, Floats, Homes, Span, Stream, Trait

type Counts = NDArray[np.int64]

SLOT_SECONDS = 900
LOCAL_OFFSET_SLOTS = 8
# Homes times days worked out at once: the arrays then stay in the processor's cache.
BATCH = 700
MOST_SHOWERS = 6
EARLY_SHOWERS = 0.6
WITH_GARDEN = 0.6
# Lamps burn until the sine of the sun's height passes this.
DUSK = 0.05


def electricity(seeds: Sequence[int], residents: Sequence[int], first: int, last: int) -> Counts:
    """Return the Wh each home draws from the grid in the slots [first, last)."""
    return _by_slots(_electricity_of_days, seeds, residents, first, last)


def water(seeds: Sequence[int], residents: Sequence[int], first: int, last: int) -> Counts:
    """Return the litres each home draws in the slots [first, last); none at night."""
    return _by_slots(_water_of_days, seeds, residents, first, last)


def solar(seeds: Sequence[int], residents: Sequence[int], first: int, last: int) -> Counts:
    """Return the Wh of solar energy each home uses in the slots [first, last)."""
    return _by_slots(_solar_of_days, seeds, residents, first, last)


def common_electricity(seeds: Sequence[int], units: Sequence[int], first: int, last: int) -> Counts:
    """Return the Wh that gates, lights and pumps of an estate with so many units draw."""
    return _by_slots(_common_electricity_of_days, seeds, units, first, last)


def common_water(seeds: Sequence[int], units: Sequence[int], first: int, last: int) -> Counts:
    """Return the litres that the gardens of an estate with so many units take."""
    return _by_slots(_common_water_of_days, seeds, units, first, last)


def leak(litres_per_hour: int, since: int, first: int, last: int) -> Counts:
    """Return the litres lost in the slots [first, last) by a leak that began at a slot."""
    slots = np.arange(first, last, dtype=np.int64)
    lost = litres_per_hour * (slots + 1) // 4 - litres_per_hour * slots // 4
    return np.where(slots >= since, lost, 0)


def _by_slots(
    model: Callable[[Homes], Floats],
    seeds: Sequence[int],
    sizes: Sequence[int],
    first: int,
    last: int,
) -> Counts:
    """Work out whole local days in batches, round to whole units and cut to the slots asked."""
    first_day = (first + LOCAL_OFFSET_SLOTS) // SLOTS_PER_DAY
    end_day = -(-(last + LOCAL_OFFSET_SLOTS) // SLOTS_PER_DAY)
    whole = np.empty((len(seeds), end_day - first_day, SLOTS_PER_DAY), dtype=np.int64)
    stride = max(1, BATCH // max(1, len(seeds)))
    for day in range(first_day, end_day, stride):
        days = range(day, min(day + stride, end_day))
        batch = slice(days.start - first_day, days.stop - first_day)
        whole[:, batch] = np.rint(model(Homes(seeds, sizes, days)))
    skipped = first + LOCAL_OFFSET_SLOTS - first_day * SLOTS_PER_DAY
    return whole.reshape(len(seeds), -1)[:, skipped : skipped + last - first]


def _electricity_of_days(homes: Homes) -> Floats:
    standby = (30 + 35 * homes.residents) * homes.trait(Trait.STANDBY, 0.7, 1.3)
    standby = standby * (0.7 + 0.6 * homes.noise(Stream.NOISE))
    living = (110 + 100 * homes.residents) * homes.trait(Trait.LIVING, 0.8, 1.3)
    living = living * homes.waking * (0.3 + 1.4 * homes.noise(Stream.ACTIVITY))
    living = living * (1 + 0.15 * homes.season)
    runs = _geyser(homes) + _cooking(homes) + _appliances(homes)
    return standby / 4 + homes.occupied * (living / 4 + runs)


def _geyser(homes: Homes) -> Floats:
    """Return the Wh of heating water after the morning, the evening and two standing losses."""
    element = homes.trait(Trait.GEYSER, 2000, 4000) / 60
    demand = (1400 + 1100 * homes.residents) * (1 + 0.18 * homes.season)
    runs = [(2.0, 3.5, 0.1), (5.75, 8.0, 0.4), (12.5, 15.0, 0.1), (18.5, 21.0, 0.4)]
    total = np.zeros((1, 1, 1))
    for number, (earliest, latest, share) in enumerate(runs):
        energy = demand * share * homes.daily(Stream.GEYSER, number, 0.7, 1.3)
        start = homes.daily(Stream.GEYSER, number + len(runs), earliest, latest)
        total = total + homes.minutes_running(start, energy / element) * element
    return total


def _cooking(homes: Homes) -> Floats:
    """Return the Wh of breakfast, supper and, at weekends, lunch."""
    breakfast = homes.minutes_running(
        homes.daily(Stream.BREAKFAST, 1, 5.75, 7.75) + 1.5 * homes.weekend,
        homes.daily(Stream.BREAKFAST, 2, 8, 20),
    )
    supper = homes.run(Stream.SUPPER, start=(17.0, 19.25), minutes=(25, 70))
    supper = supper * homes.happens(Stream.SUPPER, 0.9)
    lunch = homes.run(Stream.LUNCH, start=(11.5, 13.5), minutes=(20, 60))
    lunch = lunch * homes.happens(Stream.LUNCH, 0.7 * homes.weekend)
    return breakfast * (1600 / 60) + (supper + lunch) * homes.trait(Trait.STOVE, 1300, 2600) / 60


def _appliances(homes: Homes) -> Floats:
    """Return the Wh of laundry on some days and of a heater on winter evenings."""
    heater = homes.run(Stream.HEATER, start=(18.0, 19.5), minutes=(60, 150))
    heater = heater * homes.happens(Stream.HEATER, 0.7 * homes.season)
    laundry = _laundry(homes, minutes=(40, 80))
    return laundry * (1900 / 60) + heater * homes.trait(Trait.HEATER, 600, 1200) / 60


def _laundry(homes: Homes, minutes: Span) -> Floats:
    laundry = homes.run(Stream.LAUNDRY, start=(8.0, 16.0), minutes=minutes)
    return laundry * homes.happens(Stream.LAUNDRY, 0.25 + 0.25 * homes.weekend)


def _water_of_days(homes: Homes) -> Floats:
    flushes = np.floor(5 * homes.residents * homes.busyness + homes.noise(Stream.FLUSH))
    flushes = flushes * (homes.busyness > 0)
    taps = (60 + 40 * homes.residents) * homes.busyness * 2 * homes.noise(Stream.ACTIVITY)
    laundry = _laundry(homes, minutes=(60, 60)) * (70 / 60)
    return homes.occupied * (9 * flushes + taps + laundry + _showers(homes) + _garden(homes))


def _showers(homes: Homes) -> Floats:
    """Return the litres of each resident's shower, in the morning or in the evening."""
    total = np.zeros((1, 1, 1))
    for person in range(min(MOST_SHOWERS, int(homes.residents.max()))):
        stream = Stream.SHOWER + person
        showers = (homes.residents > person) * homes.happens(stream, 0.92)
        start = np.where(
            homes.daily(stream, 1) < EARLY_SHOWERS,
            homes.daily(stream, 2, 5.25, 8.0),
            homes.daily(stream, 3, 18.5, 21.5),
        )
        minutes = homes.daily(stream, 4, 4, 9)
        total = total + homes.minutes_running(start, minutes) * showers * 10
    return total


def _garden(homes: Homes) -> Floats:
    """Return the litres for a garden, which not every home has; more often in summer."""
    watering = homes.run(Stream.GARDEN, start=(16.5, 18.5), minutes=(20, 45))
    watering = watering * homes.happens(Stream.GARDEN, 0.4 - 0.15 * homes.season)
    hose = homes.trait(Trait.HOSE, 3.0, 5.0) * (homes.trait(Trait.GARDEN) < WITH_GARDEN)
    return watering * hose


def _solar_of_days(homes: Homes) -> Floats:
    sky = homes.weather()
    passing = 1 - (1 - sky) * homes.noise(Stream.CLOUD)
    used = homes.trait(Trait.ROOF, 750, 1200) + 50 * homes.residents
    return used / 4 * homes.sunshine * sky * passing


def _common_electricity_of_days(homes: Homes) -> Floats:
    units = homes.residents
    lamps = 8 + 30 * (homes.sunshine < DUSK)
    watts = 350 + units * lamps * (0.9 + 0.2 * homes.noise(Stream.NOISE))
    pump = homes.run(Stream.PUMP, start=(8.0, 10.0), minutes=(240, 240))
    return watts / 4 + pump * (750 / 60)


def _common_water_of_days(homes: Homes) -> Floats:
    units = homes.residents
    garden = homes.run(Stream.GARDEN, start=(5.0, 6.0), minutes=(60, 120))
    garden = garden * homes.happens(Stream.GARDEN, 0.5 - 0.2 * homes.season)
    return units * (0.2 * garden + 0.125 * homes.waking * homes.noise(Stream.NOISE))
