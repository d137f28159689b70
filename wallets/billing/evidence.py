"""
What a charge was made from, kept with it by value: registers, readings, and why it came.

Readings may be corrected later; a charge keeps what was known when it was posted. Everything is
whole Wh or litres until somebody reads it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypedDict

from rates.models import RateTableVersion
from wallets.billing.bill_rows import BillRow
from wallets.billing.metered import Supply
from wallets.billing.stretches import Stretch, StretchRow


class EvidenceRow(TypedDict, total=False):
    """
    What a charge keeps; empty if its bill was charged before this was kept.

    `corrected` is how much more (or less) the days charged before count now. `version_before` is
    the id of the version that priced the bill until then, if it was another.
    """

    stretches: list[StretchRow]
    corrected: int
    version_before: str
    vat_percent: str


def of(
    bill: BillRow,
    supply: Supply,
    version: RateTableVersion,
    consumption: int,
    stretches: Sequence[Stretch],
) -> str:
    """
    What is known of the step of a bill to a month's consumption, before the bill takes it.

    An `EvidenceRow` as JSON: the stretches come as such from the database and go there again.
    """
    if bill.charged_consumption is None:
        return "{}"
    corrected = consumption - bill.charged_consumption - sum(one.quantity for one in stretches)
    rows = ",".join(one.row for one in stretches)
    before = ""
    if bill.lines and bill.version_id and bill.version_id != version.pk:
        before = f',"version_before":"{bill.version_id}"'
    return (
        f'{{"stretches":[{rows}],"corrected":{corrected},"vat_percent":"{supply.vat_percent}"'
        f"{before}}}"
    )


def consumption_before(bill: BillRow) -> int:
    """What the month had used when the bill was charged last."""
    known = bill.charged_consumption
    return bill.consumption if known is None else known


def end(stretches: Iterable[StretchRow]) -> datetime | None:
    """Up to where some stretches reach."""
    return max((datetime.fromisoformat(row["end"]) for row in stretches), default=None)
