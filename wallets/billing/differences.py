"""
What late or corrected facts would change of months that are closed, and what a person does of it.

Rated by the code that bills, with VAT and free solar as they were when the month was charged. A
posted difference is a charge like every other, dated to the day on which it is posted: it takes
from the pockets, goes to revenue and VAT, and its bill stays the sum of its charges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import batched
from uuid import UUID

from accounts.models import User
from quantify.periods import first_of_month, local_day
from wallets import amounts, ledger, wakeups
from wallets.billing import bill_rows, charges, runs, staleness
from wallets.billing.bill_rows import BillRow
from wallets.billing.charges import Step
from wallets.billing.metered import Key, Supply, key_of
from wallets.billing.runs import WALLETS_AT_ONCE
from wallets.billing.staleness import Months
from wallets.models import BillDifference, Wallet

YEARS_BACK = 1
"""How far back facts are looked at; what is older is adjusted by hand."""

type Place = tuple[UUID, str, date, date | None]
"""Wallet, utility, month, and the part of it."""


class DifferenceDecided(Exception):
    """The difference was posted or dismissed before."""


class DifferenceChanged(Exception):
    """The facts changed since: another amount, or none, is to be posted."""


def look(*, now: datetime) -> int:
    """Bring the open differences up to date with the facts; how many are open."""
    first = _first_month(now)
    found = staleness.stale(now=now, first_month=first, months=Months.CLOSED)
    known = BillDifference.objects.open().values_list("wallet", flat=True)
    wallets = sorted({one.wallet_id for one in found} | set(known))
    for some in batched(wallets, WALLETS_AT_ONCE, strict=False):
        with ledger.waiting_briefly():
            ledger.lock(some)
            _renew(some, now=now)
    return BillDifference.objects.open().count()


def post(*, difference_id: UUID, reason: str, posted_at: datetime, actor: User) -> BillDifference:
    """
    Charge, or give back, what a closed month lacks, exactly once.

    :raises BillDifference.DoesNotExist: if the facts came back to what was charged.
    :raises DifferenceDecided: if it was posted or dismissed, also by a click at the same moment.
    :raises DifferenceChanged: if another amount is right by now; it is shown from then on.
    :raises amounts.InvalidReason: if no reason is given.
    :raises ledger.LedgerBusy: if the wallet stayed locked.
    """
    reason = amounts.check_reason(reason)
    with ledger.waiting_briefly():
        difference = _open(difference_id)
        seen = difference.amount
        current = _renew([difference.wallet_id], now=posted_at)
        step = current.get(_place_of(difference))
        if step is not None and step.amount == seen:
            return _post(_open(difference_id), step, reason, posted_at, actor)
    right = f"R{step.amount} is right by now" if step else "nothing is to be posted any more"
    raise DifferenceChanged(f"The facts changed since this was found: {right}.")


def dismiss(
    *, difference_id: UUID, reason: str, dismissed_at: datetime, actor: User
) -> BillDifference:
    """
    Leave a closed month as it was charged; the same difference is not found again.

    :raises DifferenceDecided: if it was posted or dismissed before.
    :raises amounts.InvalidReason: if no reason is given.
    :raises ledger.LedgerBusy: if the wallet stayed locked.
    """
    reason = amounts.check_reason(reason)
    with ledger.waiting_briefly():
        difference = _open(difference_id)
        difference.state = BillDifference.State.DISMISSED
        return _decided(difference, reason, dismissed_at, actor)


def _open(difference_id: UUID) -> BillDifference:
    """An open difference under the lock of its wallet."""
    wallet = BillDifference.objects.values_list("wallet", flat=True).get(pk=difference_id)
    ledger.lock([wallet])
    difference: BillDifference = BillDifference.objects.get(pk=difference_id)
    if difference.state != BillDifference.State.OPEN:
        raise DifferenceDecided(f"This difference was {difference.state} before.")
    return difference


def _decided(
    difference: BillDifference, reason: str, decided_at: datetime, actor: User
) -> BillDifference:
    difference.reason, difference.decided_by = reason, actor
    difference.decided_at = decided_at
    difference.save()
    return difference


def _post(
    difference: BillDifference, step: Step, reason: str, posted_at: datetime, actor: User
) -> BillDifference:
    (posted,) = charges.post_told(
        [step],
        occurred_at=posted_at,
        reference=f"Adjustment: {difference.utility.title()} {difference.month:%B %Y}",
        reason=reason,
        actor=actor,
        idempotency_key=f"difference:{difference.pk}",
        metadata={
            "difference": str(difference.pk),
            "bill": str(step.bill.id),
            "month": f"{difference.month:%Y-%m}",
            "cause": difference.cause,
        },
    )
    charges.store([step.bill], now=posted_at)
    difference.state = BillDifference.State.POSTED
    difference.bill_id, difference.transaction = step.bill.id, posted.transaction
    wakeups.credit_changed(difference.wallet_id)
    return _decided(difference, reason, posted_at, actor)


def _renew(wallet_ids: Sequence[UUID], *, now: datetime) -> dict[Place, Step]:
    """Write what the facts of some wallets make of closed months; they are locked."""
    found = _differing(wallet_ids, now=now)
    rows = BillDifference.objects.filter(wallet__in=wallet_ids, month__gte=_first_month(now))
    stood = {_place_of(one): one for one in rows.open()}
    dismissed = {
        _place_of(one): (one.charged, one.amount, one.consumption_after)
        for one in rows.filter(state=BillDifference.State.DISMISSED).order_by("decided_at")
    }
    wanted = {place: one for place, one in found.items() if one.seen != dismissed.get(place)}
    gone = [one.pk for place, one in stood.items() if place not in wanted]
    rows.filter(pk__in=gone).delete()
    estates = dict(Wallet.objects.filter(pk__in=wallet_ids).values_list("pk", "unit__estate"))
    for place, one in wanted.items():
        row = stood.get(place) or BillDifference(
            **_named(place), estate_id=estates[place[0]], found_at=now
        )
        _tell(row, one)
    return {place: one.step for place, one in found.items()}


def _tell(row: BillDifference, found: "_Found") -> None:
    told = found.told()
    if row._state.adding or any(getattr(row, name) != value for name, value in told.items()):
        for name, value in told.items():
            setattr(row, name, value)
        row.save()


@dataclass(frozen=True, slots=True)
class _Found:
    """A step that a closed bill lacks, what it was charged for until then, and why."""

    step: Step
    cause: BillDifference.Cause

    @property
    def seen(self) -> tuple[object, ...]:
        """What a person who dismisses it has seen."""
        return self.step.total_before, self.step.amount, self.step.bill.consumption

    def told(self) -> dict[str, object]:
        return {
            "amount": self.step.amount,
            "charged": self.step.total_before,
            "consumption_before": self.step.consumption_before,
            "consumption_after": self.step.bill.consumption,
            "cause": self.cause.value,
            "bill_id": None if self.step.bill.is_new else self.step.bill.id,
        }


def _differing(wallet_ids: Sequence[UUID], *, now: datetime) -> dict[Place, _Found]:
    first = _first_month(now)
    supplies = staleness.stale(
        now=now, first_month=first, wallet_ids=wallet_ids, months=Months.CLOSED
    )
    bills = bill_rows.of_supplies(supplies)
    supplies = [_as_charged(one, bills[one.key]) for one in supplies]
    # A step changes its bill, which is not stored: the causes are told first.
    causes = {one.key: _cause(one, bills[one.key]) for one in supplies}
    steps = runs.steps(supplies, bills, first_month=first, now=now)
    return {_place(step): _Found(step, causes[_key(step)]) for step in steps if step.amount}


def _as_charged(supply: Supply, bill: BillRow) -> Supply:
    """With the VAT and the free solar of then: a setting of today changes no closed month."""
    if bill.vat_percent is not None:
        supply = replace(supply, vat_percent=bill.vat_percent)
    if bill.free_solar is not None:
        supply = replace(supply, place=replace(supply.place, free_solar_kwh=bill.free_solar))
    return supply


def _cause(supply: Supply, bill: BillRow) -> BillDifference.Cause:
    if bill.is_new or bill.version_id is None:
        return BillDifference.Cause.NOT_BILLED
    if bill.revision != supply.revision or bill.priced_to != supply.priced_to:
        return BillDifference.Cause.READINGS
    return BillDifference.Cause.PRICES


def _first_month(now: datetime) -> date:
    today = local_day(now)
    return first_of_month(today).replace(year=today.year - YEARS_BACK)


def _key(step: Step) -> Key:
    return key_of(step.bill.wallet_id, step.utility.value, step.bill.month)


def _place(step: Step) -> Place:
    return step.bill.wallet_id, step.utility.value, step.bill.month, step.bill.since


def _place_of(row: BillDifference) -> Place:
    return row.wallet_id, row.utility, row.month, row.since


def _named(place: Place) -> Mapping[str, object]:
    return dict(zip(("wallet_id", "utility", "month", "since"), place, strict=True))
