"""Every rand explained: a charge opened to its lines, quantities, prices and the readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quantify.portal import formats
from rates.models import RateTableVersion
from wallets.models import Charge, Transaction


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    quantity: str
    price: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a charge is made of; `net` and `vat` add up to its amount."""

    month: str
    version: RateTableVersion
    consumption_before: str
    consumption_after: str
    consumption: str
    lines: list[Line]
    net: Decimal
    vat: Decimal
    amount: Decimal
    total_before: Decimal
    total_after: Decimal


def explain(made: Transaction) -> Explanation | None:
    """Why a consumption transaction has its amount; None for other kinds."""
    charges = Charge.objects.select_related("bill", "version__rate_table")
    charge = charges.filter(transaction=made).first()
    if charge is None:
        return None
    unit = formats.unit_of(made.utility)
    before, after = charge.consumption_before, charge.consumption_after
    return Explanation(
        month=f"{charge.bill.month:%B %Y}",
        version=charge.version,
        consumption_before=formats.quantity_text(before, unit),
        consumption_after=formats.quantity_text(after, unit),
        consumption=formats.quantity_text(after - before, unit),
        lines=[line(row) for row in charge.lines],
        net=made.amount - charge.vat,
        vat=charge.vat,
        amount=made.amount,
        total_before=charge.total_before,
        total_after=charge.total_after,
    )


def line(row: Mapping[str, Any]) -> Line:
    """A line as it was stored, written for people."""
    quantity, unit = Decimal(row["quantity"]), row["unit"]
    return Line(
        # Bands are written off_peak in rate tables, and off-peak for people.
        what=str(row["what"]).replace("_", "-"),
        quantity=f"{quantity.normalize():f} {unit}".strip(),
        price=f"R {row['price']}",
        amount=Decimal(row["amount"]),
    )
