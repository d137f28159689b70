"""Every rand explained: a charge opened to its readings, quantities, prices and rounding."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from quantify.portal import formats
from rates.models import RateTableVersion
from wallets.billing.explanation import Cause, Explanation, Reading, Remark, Stretch
from wallets.billing.explanation import Line as Priced
from wallets.models import Charge, Transaction

CAUSES = {
    Cause.NEW_READINGS: "New readings came.",
    Cause.NEW_DAYS: "New days or a new month began, with their fixed charges.",
    Cause.NEXT_VERSION: "Another version of the rate table came into force.",
    Cause.REPRICED: (
        "What had been charged was priced anew: a rate, the markup, VAT or the free units changed,"
        " or corrected readings moved consumption between bands."
    ),
    Cause.NOT_RECORDED: "This charge is older than the keeping of readings with charges.",
}
TO = "\u2192"


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    quantity: str
    price: str
    amount: Decimal
    rounding: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A stretch of a register in words, and what must be known besides."""

    sentence: str
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class Page:
    """What a charge is made of; `net` and `vat` add up to its amount."""

    month: str
    version: RateTableVersion
    causes: list[str]
    counted: list[Counted]
    consumption_before: str
    consumption_after: str
    consumption: str
    lines: list[Line]
    net: Decimal
    vat: Decimal
    vat_rounding: str
    amount: Decimal
    total_before: Decimal
    total_after: Decimal


def explain(made: Transaction) -> Page | None:
    """Why a consumption transaction has its amount; None for other kinds."""
    charges = Charge.objects.select_related("bill", "version__rate_table", "transaction__estate")
    charge = charges.filter(transaction=made).first()
    if charge is None:
        return None
    told, unit = Explanation(charge), formats.unit_of(made.utility)
    zone = ZoneInfo(charge.transaction.estate.time_zone)
    return Page(
        month=f"{charge.bill.month:%B %Y}",
        version=charge.version,
        causes=list(_causes(told, unit)),
        counted=[counted(stretch, unit, zone) for stretch in told.stretches],
        consumption_before=formats.quantity_text(charge.consumption_before, unit),
        consumption_after=formats.quantity_text(charge.consumption_after, unit),
        consumption=formats.quantity_text(told.consumption, unit),
        lines=[_line(one) for one in told.lines],
        net=told.net,
        vat=charge.vat,
        vat_rounding=_rounding(told.vat_rounding),
        amount=made.amount,
        total_before=charge.total_before,
        total_after=charge.total_after,
    )


def line(row: Mapping[str, Any]) -> Line:
    """A line as it was stored, written for people."""
    return _line(Priced.of_row(row))


def counted(stretch: Stretch, unit: str, zone: ZoneInfo) -> Counted:
    """`Meter E1: 12 Nov 2026 14:30 reading 1.000 kWh to 14:45 reading 1.250 kWh = 0.250 kWh`."""
    used = formats.quantity_text(stretch.consumption, unit)
    opening = _end(
        stretch.starts_at, stretch.opening if stretch.opens_exactly else None, unit, zone
    )
    closing = _end(stretch.ends_at, stretch.closing if stretch.closes_exactly else None, unit, zone)
    exact = stretch.difference == stretch.consumption
    return Counted(
        sentence=f"Meter {stretch.serial}: {opening} {TO} {closing} "
        + (f"= {used}" if exact else f"\u2013 its quarter hours add up to {used}"),
        remarks=list(_remarks(stretch, unit, zone)),
    )


def _end(at: datetime, reading: Reading | None, unit: str, zone: ZoneInfo) -> str:
    if reading is None:
        return f"{_moment(at, zone)} no reading"
    by_whom = {"automatic": "", "manual": " by hand", "estimated": ", estimated"}[reading.source]
    return f"{_moment(at, zone)} reading {formats.quantity_text(reading.value, unit)}{by_whom}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%-d %b %Y %H:%M}"


def _remarks(stretch: Stretch, unit: str, zone: ZoneInfo) -> Iterator[str]:
    known = {
        Remark.NO_OPENING_READING: _nearest("before it", stretch.opening, unit, zone),
        Remark.NO_CLOSING_READING: _nearest("after it", stretch.closing, unit, zone),
        Remark.ESTIMATED: f"Of it {formats.quantity_text(stretch.estimated, unit)} is estimated "
        "by the quarter hour; between two readings the sum is exact.",
        Remark.MISSING_INTERVALS: f"{stretch.missing_intervals} quarter hours have no value: "
        "a reading was refused or the register was set back. They are not charged.",
        Remark.ROLLOVER: "The register passed its highest value and began again at zero.",
        Remark.REGISTER_DIFFERS: "The two readings differ by "
        f"{formats.quantity_text(stretch.difference or 0, unit)}; charged is what the quarter "
        "hours add up to.",
    }
    return (known[remark] for remark in stretch.remarks)


def _nearest(where: str, reading: Reading | None, unit: str, zone: ZoneInfo) -> str:
    side = "start" if where == "before it" else "end"
    if reading is None:
        return f"There is no reading at the {side}, nor near {where}: only quarter hours are known."
    return (
        f"There is no reading at the {side}. The nearest {where} is "
        f"{_end(reading.taken_at, reading, unit, zone)}."
    )


def _causes(told: Explanation, unit: str) -> Iterator[str]:
    for cause in told.causes:
        if cause is Cause.CORRECTED:
            yield _correction(told, unit)
        else:
            yield CAUSES[cause]
    before = told.version_before
    if before is not None:
        yield (
            f"Until then the prices were those of {before.rate_table}, version {before.number}; "
            f"version {told.charge.version.number} is effective from "
            f"{told.charge.version.effective_from:%-d %B %Y}."
        )


def _correction(told: Explanation, unit: str) -> str:
    corrected = told.corrected or 0
    if not told.charge.total_before and not told.stretches:
        return "Only totals of days are known, no quarter hours."
    amount = formats.quantity_text(abs(corrected), unit)
    direction = "more" if corrected > 0 else "less"
    return (
        f"What was used before counts {amount} {direction} now: "
        "readings came late, were corrected, or took the place of estimates."
    )


def _line(one: Priced) -> Line:
    percent = one.unit == "ZAR"
    return Line(
        # Bands are written off_peak in rate tables, and off-peak for people.
        what=one.what.replace("_", "-"),
        quantity=f"{one.quantity.normalize():f} {one.unit}".strip(),
        price=_price(one.price, percent=percent),
        amount=one.amount,
        rounding=_rounding(one.rounding),
    )


def _price(price: Decimal, *, percent: bool) -> str:
    if percent:
        return f"{(price * 100).normalize():f} %"
    return f"R {price}" if price else "free"


def _rounding(amount: Decimal | None) -> str:
    """What rounding added or took, in rand with all its places; empty for nothing."""
    return f"{amount.normalize():+f}" if amount else ""
