"""
A charge opened up: from reading to reading, the lines with their rounding, and what caused it.

Says what is known and no more: an end without a reading has none, and a charge from before the
evidence was kept says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from quantify.money import HUNDRED, ZERO
from rates.models import RateTableVersion
from wallets.models import Charge

PER_TIME = ("day", "month")


class Cause(StrEnum):
    """Why a bill came to another total."""

    NEW_READINGS = "new_readings"
    NEW_DAYS = "new_days"
    CORRECTED = "corrected"
    NEXT_VERSION = "next_version"
    REPRICED = "repriced"
    NOT_RECORDED = "not_recorded"


class Remark(StrEnum):
    """What must be known of a stretch besides its readings."""

    NO_OPENING_READING = "no_opening_reading"
    NO_CLOSING_READING = "no_closing_reading"
    ESTIMATED = "estimated"
    MISSING_INTERVALS = "missing_intervals"
    ROLLOVER = "rollover"
    REGISTER_DIFFERS = "register_differs"


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of a register at an instant, in Wh or litres."""

    taken_at: datetime
    value: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one register counted between two instants, and the readings next to them."""

    meter: UUID
    serial: str
    channel: int
    starts_at: datetime
    ends_at: datetime
    opening: Reading | None
    closing: Reading | None
    consumption: int
    estimated: int
    missing_intervals: int
    rollover: int | None

    @property
    def opens_exactly(self) -> bool:
        return self.opening is not None and self.opening.taken_at == self.starts_at

    @property
    def closes_exactly(self) -> bool:
        return self.closing is not None and self.closing.taken_at == self.ends_at

    @property
    def difference(self) -> int | None:
        """What the register went on between both ends; None without a reading at each of them."""
        if self.opening is None or self.closing is None:
            return None
        if not (self.opens_exactly and self.closes_exactly):
            return None
        return self.closing.value - self.opening.value + (self.rollover or 0)

    @property
    def remarks(self) -> list[Remark]:
        found = {
            Remark.NO_OPENING_READING: not self.opens_exactly,
            Remark.NO_CLOSING_READING: not self.closes_exactly,
            Remark.ESTIMATED: self.estimated > 0,
            Remark.MISSING_INTERVALS: self.missing_intervals > 0,
            Remark.ROLLOVER: self.rollover is not None,
            Remark.REGISTER_DIFFERS: self.difference not in (None, self.consumption),
        }
        return [remark for remark, holds in found.items() if holds]


@dataclass(frozen=True, slots=True)
class Line:
    """What came to a line of the bill; `amount` is the step between its rounded amounts."""

    what: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Line":
        numbers = (Decimal(row[name]) for name in ("quantity", "price", "amount"))
        quantity, price, amount = numbers
        return cls(str(row["what"]), quantity, str(row["unit"]), price, amount)

    @property
    def unrounded(self) -> Decimal:
        return self.quantity * self.price

    @property
    def rounding(self) -> Decimal:
        return self.amount - self.unrounded

    @property
    def is_free(self) -> bool:
        return not self.price


@dataclass(frozen=True)
class Explanation:
    """A charge, read."""

    charge: Charge

    @property
    def is_recorded(self) -> bool:
        """Whether the charge kept what it was made from."""
        return bool(self.charge.evidence)

    @cached_property
    def stretches(self) -> list[Stretch]:
        return [_stretch(row) for row in self.charge.evidence.get("stretches", ())]

    @cached_property
    def lines(self) -> list[Line]:
        return [Line.of_row(row) for row in self.charge.lines]

    @property
    def consumption(self) -> int:
        return self.charge.consumption_after - self.charge.consumption_before

    @property
    def corrected(self) -> int | None:
        """How much more or less the days charged before count now; None if that was not kept."""
        known: int | None = self.charge.evidence.get("corrected")
        return known

    @cached_property
    def version_before(self) -> RateTableVersion | None:
        """The version that had priced the bill until then, if it was another."""
        pk = self.charge.evidence.get("version_before")
        if pk is None:
            return None
        return RateTableVersion.objects.select_related("rate_table").filter(pk=pk).first()

    @property
    def net(self) -> Decimal:
        net: Decimal = self.charge.transaction.amount - self.charge.vat
        return net

    @property
    def vat_percent(self) -> Decimal | None:
        known = self.charge.evidence.get("vat_percent")
        return None if known is None else Decimal(known)

    @property
    def vat_unrounded(self) -> Decimal | None:
        """VAT on what came to the bill before VAT, before it is rounded."""
        return None if self.vat_percent is None else self.net * self.vat_percent / HUNDRED

    @property
    def vat_rounding(self) -> Decimal | None:
        return None if self.vat_unrounded is None else self.charge.vat - self.vat_unrounded

    @property
    def causes(self) -> list[Cause]:
        """Why the bill came to another total, as far as the evidence says."""
        if not self.is_recorded:
            return [Cause.NOT_RECORDED]
        moved = list(_causes(self))
        return moved or [Cause.REPRICED]


def _causes(told: Explanation) -> Iterator[Cause]:
    if any(stretch.consumption for stretch in told.stretches):
        yield Cause.NEW_READINGS
    if any(line.unit in PER_TIME and line.quantity > 0 for line in told.lines):
        yield Cause.NEW_DAYS
    if told.corrected:
        yield Cause.CORRECTED
    taken_back = not _less_was_used(told) and any(_is_taken_back(line) for line in told.lines)
    if taken_back:
        yield Cause.REPRICED
    elif told.version_before:
        yield Cause.NEXT_VERSION


def _less_was_used(told: Explanation) -> bool:
    return (told.corrected or 0) < 0


def _is_taken_back(line: Line) -> bool:
    """A line that fell though nothing was used less: it was priced anew."""
    return line.quantity < 0 and line.unit not in PER_TIME


def _stretch(row: Mapping[str, Any]) -> Stretch:
    return Stretch(
        meter=UUID(row["meter"]),
        serial=row["serial"],
        channel=row["channel"],
        starts_at=datetime.fromisoformat(row["start"]),
        ends_at=datetime.fromisoformat(row["end"]),
        opening=_reading(row.get("opening"), row["start"]),
        closing=_reading(row.get("closing"), row["end"]),
        consumption=row["quantity"],
        estimated=row.get("estimated", 0),
        missing_intervals=row.get("missing", 0),
        rollover=row.get("rollover"),
    )


def _reading(row: Mapping[str, Any] | None, end: str) -> Reading | None:
    if row is None:
        return None
    taken_at = datetime.fromisoformat(row.get("at", end))
    return Reading(taken_at, row["value"], row.get("source", "automatic"))


def rounding(lines: Iterable[Line]) -> Decimal:
    """What rounding to cents added to, or took from, some lines."""
    return sum((line.rounding for line in lines), ZERO)
