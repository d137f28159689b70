"""
How fast years of quarter hours are rated, against an engine of others and a plain loop.

    python benchmarks/rating.py --homes 10 --rounds 7

All three price the same homes to the same cents, which is checked. They take turns, each pricing
all homes one after another; what is shown is processor time, of the median round.
"""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quantify.money import to_cents
from quantify.quantities import Utility
from rates.calendar_files import load
from rates.components import build
from rates.engine import bill_month
from rates.tests import pysam

# A year that begins on a Monday, and one kind of weekend: what the other engine can price.
YEAR = 2018
STARTS = np.arange(f"{YEAR}-01-01T00:00", f"{YEAR + 1}-01-01T00:00", np.timedelta64(15, "m"),
                   dtype="datetime64[m]")  # fmt: skip
HIGH = (6, 7, 8)
WEEKEND: dict[str, list[str]] = {}
HOURS = {
    "high": {"peak": ["06:00-08:00", "17:00-20:00"], "standard": ["08:00-17:00", "20:00-22:00"]},
    "low": {"peak": ["07:00-09:00", "18:00-21:00"],
            "standard": ["06:00-07:00", "09:00-18:00", "21:00-22:00"]},
}  # fmt: skip
PRICES = {
    "high": {"peak": "7.0697", "standard": "2.1631", "off_peak": "1.5926"},
    "low": {"peak": "3.2928", "standard": "2.0490", "off_peak": "1.5926"},
}
PER_MONTH = "235.79"
CALENDAR = {
    "name": "one-weekend",
    "valid_from": "2000-01-01",
    "seasons": {"high": HIGH, "low": [month for month in range(1, 13) if month not in HIGH]},
    "hours": {
        season: {"weekday": hours, "saturday": WEEKEND, "sunday": WEEKEND}
        for season, hours in HOURS.items()
    },
    "other_hours": "off_peak",
}
COMPONENTS = [
    *(
        {"kind": "time_of_use", "calendar": "one-weekend", "season": season, "prices": prices}
        for season, prices in PRICES.items()
    ),
    {"kind": "fixed_per_month", "price": PER_MONTH},
]
PERIODS = {
    (season, band): number
    for number, (season, band) in enumerate(
        ((season, band) for season in PRICES for band in PRICES[season]), start=1
    )
}

type Amounts = list[Decimal]
type Price = Callable[[np.ndarray], Amounts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--homes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    rng = np.random.default_rng(7)
    homes = [rng.integers(0, 900, len(STARTS)) for _ in range(asked.homes)]
    engines = {"engine": engine(), "PySAM whole call": other(), "plain Decimal loop": loop()}
    if importlib.util.find_spec("PySAM") is None:
        print("NREL-PySAM has no wheel for this platform: left out")
        del engines["PySAM whole call"]
    for home in homes:
        check({name: price(home) for name, price in engines.items()})
    medians = measure(engines, homes, asked.rounds)
    for name, seconds in medians.items():
        print(
            f"{name:<20} {len(STARTS)} intervals {seconds * 1_000:7.2f} ms"
            f" {len(STARTS) / seconds / 1e6:6.1f} M/s {seconds / medians['engine']:6.1f} x"
        )


def engine() -> Price:
    calendars = load([CALENDAR])
    tariff = build(
        COMPONENTS, utility=Utility.ELECTRICITY, calendar="one-weekend", calendars=calendars
    )

    def price(wh: np.ndarray) -> Amounts:
        months = tariff.usage_by_month(STARTS, wh)
        bills = [bill_month(tariff, usage, month=month) for month, usage in months.items()]
        return [sum((line.unrounded for line in one.lines), Decimal(0)) for one in bills]

    return price


def other() -> Price:
    weekday = [periods_of(HOURS[season_of(month)], season_of(month)) for month in range(1, 13)]
    weekend = [periods_of(WEEKEND, season_of(month)) for month in range(1, 13)]
    tiers = [
        [number, 1, pysam.NO_LIMIT, float(PRICES[season][band])]
        for (season, band), number in PERIODS.items()
    ]

    def price(wh: np.ndarray) -> Amounts:
        found = pysam.charges(
            wh, weekday=weekday, weekend=weekend, tiers=tiers, per_month=float(PER_MONTH)
        )
        return [Decimal(amount) for amount in found]

    return price


def loop() -> Price:
    """Each interval by itself, as one would write it first."""
    starts: list[datetime] = STARTS.astype("datetime64[s]").tolist()
    hours = {season: bands_of(HOURS[season]) for season in HOURS}
    prices = {
        season: {band: Decimal(price) for band, price in PRICES[season].items()}
        for season in PRICES
    }

    def price(wh: np.ndarray) -> Amounts:
        months = [Decimal(PER_MONTH)] * 12
        for start, quantity in zip(starts, wh.tolist(), strict=True):
            season = season_of(start.month)
            band = "off_peak" if start.weekday() > 4 else hours[season][start.hour]
            months[start.month - 1] += Decimal(quantity) / 1000 * prices[season][band]
        return months

    return price


def season_of(month: int) -> str:
    return "high" if month in HIGH else "low"


def bands_of(hours: dict[str, list[str]]) -> list[str]:
    bands = ["off_peak"] * 24
    for band, ranges in hours.items():
        for written in ranges:
            first, end = (int(clock[:2]) for clock in written.split("-"))
            bands[first:end] = [band] * (end - first)
    return bands


def periods_of(hours: dict[str, list[str]], season: str) -> list[int]:
    return [PERIODS[season, band] for band in bands_of(hours)]


def check(amounts: dict[str, Amounts]) -> None:
    """Every engine comes to the same cents in every month."""
    cents = {name: [to_cents(amount) for amount in found] for name, found in amounts.items()}
    assert all(found == cents["engine"] for found in cents.values()), cents


def measure(
    engines: dict[str, Price], homes: Sequence[np.ndarray], rounds: int
) -> dict[str, float]:
    """The processor seconds of a home's year."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, price in engines.items():
            began = time.process_time()
            for home in homes:
                price(home)
            seconds[name].append((time.process_time() - began) / len(homes))
    return {name: statistics.median(found) for name, found in seconds.items()}


if __name__ == "__main__":
    main()
