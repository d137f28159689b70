"""
A hundred random tariffs and loads, priced by engines that others wrote.

What is compared is the sum of the lines before they are rounded. The engines are named in
requirements-dev.in; where one of them has no release for a platform its tests are skipped.
"""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from quantify.periods import days_in_month
from quantify.quantities import Utility, as_kilo
from rates.calendar_files import load
from rates.components import build
from rates.engine import bill_month
from rates.tests import pysam

AGREE = Decimal("1E-6")
BANDS = ("off_peak", "peak", "standard")
DAY_TYPES = ("weekday", "saturday", "sunday")
SEASONS = {"high": [6, 7, 8], "low": [1, 2, 3, 4, 5, 9, 10, 11, 12]}
SEASON_OF = {month: season for season, months in SEASONS.items() for month in months}
SEEDS = range(100)


class Random:
    """Tariffs and loads that differ in all that both engines can price."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def price(self, most=9):
        return f"{Decimal(int(self.rng.integers(0, most * 10_000))).scaleb(-4)}"

    def load(self, count):
        """Quarter hours in whole Wh: some idle, a few far above the others."""
        usual = self.rng.integers(0, self.rng.integers(2, 1_500), count)
        return usual * self.rng.integers(0, 2, count) + self.rng.integers(0, 9_000, count) * (
            self.rng.random(count) < 0.001
        )

    def limits(self):
        """Rising limits of blocks in whole Wh, written in kWh."""
        limits = sorted(set(self.rng.integers(1, 900_000, self.rng.integers(0, 6)).tolist()))
        return [str(as_kilo(limit)) for limit in limits]

    def hours(self, day_types):
        """The band of each hour by season and day type."""
        return {
            season: {day_type: self.rng.choice(BANDS, 24).tolist() for day_type in day_types}
            for season in SEASONS
        }

    def prices(self):
        return {band: self.price() for band in BANDS}


def calendar_of(hours):
    """A calendar with the same hours; without Saturday and Sunday the weekend's are theirs."""

    def ranges(bands):
        named = {band: [] for band in BANDS}
        for hour, band in enumerate(bands):
            named[band].append(f"{hour:02}:00-{hour + 1:02}:00")
        return named

    entry = {
        "name": "random",
        "valid_from": "2000-01-01",
        "seasons": SEASONS,
        "hours": {
            season: {
                day_type: ranges(found.get(day_type) or found["weekend"]) for day_type in DAY_TYPES
            }
            for season, found in hours.items()
        },
    }
    return load([entry])


def tariff_of(components, calendars):
    return build(components, utility=Utility.ELECTRICITY, calendar="random", calendars=calendars)


def year(first):
    return np.arange(
        np.datetime64(f"{first}-01-01T00:00"),
        np.datetime64(f"{first + 1}-01-01T00:00"),
        np.timedelta64(15, "m"),
    )


def months_of(tariff, starts, wh):
    """The charges of each month by this engine, before rounding."""
    return [
        sum(line.unrounded for line in bill_month(tariff, usage, month=month).lines)
        for month, usage in tariff.usage_by_month(starts, wh).items()
    ]


def differ(found, others):
    return [
        (month, ours, theirs)
        for month, (ours, theirs) in enumerate(zip(found, others, strict=True), start=1)
        if abs(ours - Decimal(theirs)) > AGREE
    ]


def energy(hours, prices):
    return [
        {"kind": "time_of_use", "calendar": "random", "season": season, "prices": prices[season]}
        for season in hours
    ]


class TestPySAM:
    STARTS = year(2018)

    @pytest.fixture(autouse=True)
    def installed(self):
        pytest.importorskip("PySAM", reason="NREL-PySAM has no wheel for this platform")

    @pytest.mark.parametrize("seed", SEEDS)
    def test_agrees(self, seed):
        random = Random(seed)
        wh = random.load(len(self.STARTS))
        price = self.time_of_use if seed % 2 else self.blocks

        found, others = price(random, wh)

        assert differ(found, others) == []

    def blocks(self, random, wh):
        """Blocks of two seasons, a monthly charge and demand."""
        limits, fixed, demand = random.limits(), random.price(), random.price(400)
        components, tiers = [], []
        for period, season in enumerate(SEASONS, start=1):
            blocks = [{"upto": upto, "price": random.price()} for upto in [*limits, None]]
            components.append({"kind": "block", "season": season, "blocks": blocks})
            tiers += [
                [period, tier, float(one["upto"] or pysam.NO_LIMIT), float(one["price"])]
                for tier, one in enumerate(blocks, start=1)
            ]
        components += [
            {"kind": "fixed_per_month", "price": fixed}, {"kind": "demand", "price": demand},
        ]  # fmt: skip
        schedule = [[1 if SEASON_OF[month] == "high" else 2] * 24 for month in range(1, 13)]
        calendars = calendar_of(random.hours(("weekday", "weekend")))
        others = pysam.charges(
            wh, weekday=schedule, weekend=schedule, tiers=tiers, per_month=float(fixed),
            demand=float(demand),
        )  # fmt: skip
        return months_of(tariff_of(components, calendars), self.STARTS, wh), others

    def time_of_use(self, random, wh):
        """Bands of two seasons; Saturdays and Sundays by two runs that add up."""
        hours, fixed = random.hours(DAY_TYPES), random.price()
        prices = {season: random.prices() for season in SEASONS}
        components = [*energy(hours, prices), {"kind": "fixed_per_month", "price": fixed}]
        periods = {
            (season, band): number
            for number, (season, band) in enumerate(
                ((season, band) for season in SEASONS for band in BANDS), start=1
            )
        }
        tiers = [
            [number, 1, pysam.NO_LIMIT, float(prices[season][band])]
            for (season, band), number in periods.items()
        ]

        def schedule(day_type):
            return [
                [periods[SEASON_OF[month], band] for band in hours[SEASON_OF[month]][day_type]]
                for month in range(1, 13)
            ]

        # The first of 2018 was a Monday.
        sundays = np.arange(len(wh)) // 96 % 7 == 6
        runs = [
            pysam.charges(
                np.where(own, wh, 0), weekday=schedule("weekday"), weekend=schedule(day_type),
                tiers=tiers, per_month=monthly,
            )
            for day_type, own, monthly in (
                ("saturday", ~sundays, float(fixed)), ("sunday", sundays, 0.0),
            )
        ]  # fmt: skip
        tariff = tariff_of(components, calendar_of(hours))
        return months_of(tariff, self.STARTS, wh), [sum(both) for both in zip(*runs, strict=True)]


class TestRatebook:
    """Decimals, any calendar month, days in the fixed charges; hours instead of quarters."""

    @pytest.fixture(autouse=True)
    def installed(self):
        self.ratebook = pytest.importorskip("ratebook", reason="ratebook is not installed")

    @pytest.mark.parametrize("seed", SEEDS)
    def test_agrees(self, seed):
        random = Random(seed)
        month = date(2016 + seed % 13, 1 + seed % 12, 1)
        count = days_in_month(month) * 24
        wh = random.load(count)
        components, periods, schedule, calendars = (
            self.time_of_use(random) if seed % 2 else self.blocks(random)
        )
        daily, monthly = random.price(), random.price()
        components += [
            {"kind": "fixed_per_day", "price": daily},
            {"kind": "fixed_per_month", "price": monthly},
        ]
        starts = np.datetime64(month, "m") + np.arange(count) * np.timedelta64(1, "h")

        (found,) = months_of(tariff_of(components, calendars), starts, wh)

        book = self.ratebook
        other = book.estimate_bill(
            book.Tariff(
                energy=book.EnergyRateStructure(periods),
                schedule=book.Schedule(**schedule),
                fixed_charges=(
                    book.FixedCharge(Decimal(daily), book.FixedChargeUnit.PER_DAY),
                    book.FixedCharge(Decimal(monthly), book.FixedChargeUnit.PER_MONTH),
                ),
            ),
            book.Usage.hourly([as_kilo(int(used)) for used in wh]),
            book.BillingWindow.from_dates(month, month + timedelta(days=count // 24)),
        )
        assert other.ok
        assert differ([found], [other.total]) == []

    def blocks(self, random):
        blocks = [{"upto": upto, "price": random.price()} for upto in [*random.limits(), None]]
        tiers = tuple(
            self.ratebook.EnergyTier(
                rate=Decimal(one["price"]), max=one["upto"] and Decimal(one["upto"])
            )
            for one in blocks
        )
        whole = ((0,) * 24,) * 12
        calendars = calendar_of(random.hours(("weekday", "weekend")))
        periods = (self.ratebook.EnergyPeriod(tiers),)
        return (
            [{"kind": "block", "blocks": blocks}],
            periods,
            {"weekday": whole, "weekend": whole},
            calendars,
        )

    def time_of_use(self, random):
        hours = random.hours(("weekday", "weekend"))
        prices = {season: random.prices() for season in SEASONS}
        named = [(season, band) for season in SEASONS for band in BANDS]
        periods = tuple(
            self.ratebook.EnergyPeriod(
                (self.ratebook.EnergyTier(rate=Decimal(prices[season][band])),)
            )
            for season, band in named
        )
        schedule = {
            day_type: tuple(
                tuple(
                    named.index((SEASON_OF[month], band))
                    for band in hours[SEASON_OF[month]][day_type]
                )
                for month in range(1, 13)
            )
            for day_type in ("weekday", "weekend")
        }
        return energy(hours, prices), periods, schedule, calendar_of(hours)
