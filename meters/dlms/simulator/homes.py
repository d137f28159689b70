"""
Homes over whole local days: their habits, the sun above them, and the chance in both.

Randomness is a hash of seed, purpose and counter (splitmix64: Steele, Lea, Flood 2014), so a day
or a slot has one value whichever range it is asked in. Only element-wise arithmetic and tables
built once are used: how an element is rounded must not depend on the length of its array.
"""

from collections.abc import Sequence
from enum import IntEnum, auto
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Words = NDArray[np.uint64]

SLOTS_PER_DAY = 96
LATITUDE = -26.2
SOLAR_NOON = 12.13
# Leap years repeat every four years until 2100.
CALENDAR_CYCLE = 1461
SATURDAY = 5
WEATHER_SEED = 0x5EED
CLEAR_DAYS, OVERCAST_DAYS = 0.6, 0.15

type Span = tuple[float, float]


class Stream(IntEnum):
    """Independent sources of chance; the order is part of every simulated history."""

    HOME = auto()
    NOISE = auto()
    ACTIVITY = auto()
    GEYSER = auto()
    BREAKFAST = auto()
    SUPPER = auto()
    LUNCH = auto()
    LAUNDRY = auto()
    HEATER = auto()
    FLUSH = auto()
    GARDEN = auto()
    PUMP = auto()
    WEATHER = auto()
    CLOUD = auto()
    # Last, as each resident has a stream of his own from here on.
    SHOWER = auto()


class Trait(IntEnum):
    """What is fixed for a home; the order is part of every simulated history."""

    STANDBY = auto()
    LIVING = auto()
    GEYSER = auto()
    STOVE = auto()
    HEATER = auto()
    GARDEN = auto()
    HOSE = auto()
    ROOF = auto()


def splitmix64(words: Words) -> Words:
    """Scatter the bits of each word; every input has its own output."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def chance(seeds: Words, stream: int, counters: Words) -> Floats:
    """Return numbers in [0, 1), one for each seed and counter, broadcast together."""
    keys = splitmix64(splitmix64(seeds) + np.uint64(stream))
    return (splitmix64(keys + counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@cache
def seasons() -> Floats:
    """Return the season of each day of the cycle: 1 in mid-July (winter), -1 in mid-January."""
    days = np.arange(CALENDAR_CYCLE)
    return np.cos(2 * np.pi * (days - 196) / 365.25)


@cache
def sunshine() -> Floats:
    """Return the sine of the sun's height, by day of the cycle and slot; zero at night."""
    days = np.arange(CALENDAR_CYCLE)[:, None]
    hours = (np.arange(SLOTS_PER_DAY)[None, :] + 0.5) / 4
    tilt = np.radians(-23.44) * np.cos(2 * np.pi * (days + 10) / 365.25)
    turn = np.radians(15.0) * (hours - SOLAR_NOON)
    place = np.radians(LATITUDE)
    height = np.sin(place) * np.sin(tilt) + np.cos(place) * np.cos(tilt) * np.cos(turn)
    above: Floats = np.maximum(height, 0.0)
    return above


@cache
def waking() -> Floats:
    """Return how busy a home is by kind of day (workday, weekend) and slot; zero 23:00-05:00."""
    hours = [0, 5, 5.5, 6.5, 7.5, 8.5, 12, 16, 17.5, 19.5, 21, 22.5, 23, 24]
    workday = [0, 0, 0.3, 0.9, 0.8, 0.25, 0.25, 0.35, 0.7, 1.0, 0.8, 0.3, 0, 0]
    weekend = [0, 0, 0.1, 0.3, 0.6, 0.8, 0.7, 0.55, 0.7, 1.0, 0.85, 0.4, 0, 0]
    middles = (np.arange(SLOTS_PER_DAY) + 0.5) / 4
    return np.stack([np.interp(middles, hours, shape) for shape in (workday, weekend)])


@cache
def busyness() -> Floats:
    """Return `waking` as shares of a day, by kind of day and slot."""
    return waking() / waking().sum(axis=1, keepdims=True)


class Homes:
    """Some homes over some whole local days: the axes are home, day, slot of the day."""

    def __init__(self, seeds: Sequence[int], residents: Sequence[int], days: range) -> None:
        self._seeds = np.array(seeds, dtype=np.uint64)[:, None, None]
        self._days = np.array(days, dtype=np.int64)[None, :, None]
        self._slot_of_day = np.arange(SLOTS_PER_DAY, dtype=np.int64)[None, None, :]
        self.residents = np.array(residents, dtype=np.float64)[:, None, None]
        self.occupied = (self.residents > 0).astype(np.float64)
        self._kind_of_day = ((self._days[0, :, 0] + 3) % 7 >= SATURDAY).astype(np.int64)
        self.weekend = self._kind_of_day.astype(np.float64)[None, :, None]
        self.season = seasons()[self._days % CALENDAR_CYCLE]

    @cached_property
    def waking(self) -> Floats:
        return waking()[self._kind_of_day][None, :, :]

    @cached_property
    def busyness(self) -> Floats:
        return busyness()[self._kind_of_day][None, :, :]

    @cached_property
    def sunshine(self) -> Floats:
        return sunshine()[self._days[0, :, 0] % CALENDAR_CYCLE][None, :, :]

    def trait(self, trait: Trait, low: float = 0.0, high: float = 1.0) -> Floats:
        """Return something that is fixed for each home."""
        counters = np.array([[[trait]]], dtype=np.uint64)
        return low + (high - low) * chance(self._seeds, Stream.HOME, counters)

    def daily(self, stream: int, number: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """Return something that each home draws anew every day."""
        counters = (self._days * 16 + number).astype(np.uint64)
        return low + (high - low) * chance(self._seeds, stream, counters)

    def happens(self, stream: int, share: float | Floats) -> Floats:
        """Return 1 for the homes and days on which something happens, which is a share of them."""
        return (self.daily(stream, 0) < share).astype(np.float64)

    def run(self, stream: int, *, start: Span, minutes: Span) -> Floats:
        """Return the minutes of each slot in a daily run, its start an hour of the day."""
        return self.minutes_running(self.daily(stream, 1, *start), self.daily(stream, 2, *minutes))

    def noise(self, stream: int) -> Floats:
        """Return numbers in [0, 1) for each home and slot."""
        counters = (self._days * SLOTS_PER_DAY + self._slot_of_day).astype(np.uint64)
        return chance(self._seeds, stream, counters)

    def weather(self) -> Floats:
        """Return the share of sunlight that the clouds of each day let through, all homes alike."""
        sky = np.array([[[WEATHER_SEED]]], dtype=np.uint64)
        kind = chance(sky, Stream.WEATHER, (self._days * 2).astype(np.uint64))
        depth = chance(sky, Stream.WEATHER, (self._days * 2 + 1).astype(np.uint64))
        cloudy = np.where(kind < 1 - OVERCAST_DAYS, 0.6 + 0.25 * depth, 0.3 + 0.2 * depth)
        return np.where(kind < CLEAR_DAYS, 0.92 + 0.08 * depth, cloudy)

    def minutes_running(self, start: Floats, minutes: Floats) -> Floats:
        """Return how many minutes of each slot lie in a run that begins at an hour of the day."""
        opening = self._slot_of_day * 15.0
        begin = start * 60
        end = np.minimum(begin + minutes, opening + 15.0)
        running: Floats = np.maximum(end - np.maximum(begin, opening), 0.0)
        return running
