"""
Moving out: the wallet is closed for one person, and begins at zero for the next.

The bills are cut at the end of the occupancy: what was charged of later days is given back, the
last days are charged by the readings that closed them, and what then is left in the wallet is
paid back, or kept for the person, and what is owed becomes theirs alone (`FORMER_RESIDENTS`).
What is posted for the person is dated to the last moment of the occupancy, so that the closing
statement is the statement of those days. Then billing charges the days since to who came after.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from quantify.money import ZERO
from quantify.periods import local_day, midnight
from units.models import Occupancy
from wallets import ledger, wakeups
from wallets.billing import runs
from wallets.billing.runs import LAST_MOMENT
from wallets.billing.staleness import Months
from wallets.ledger import Entry
from wallets.models import Account, Bill, Settlement, Transaction, Wallet
from wallets.office import final_readings, refunds
from wallets.pockets import POCKET_ACCOUNTS, Flow, Movement, Pockets, pockets_of
from wallets.topups import CLEARING


class NotEnded(Exception):
    """The occupancy has not ended: let the person move out first."""


class SettledBefore(Exception):
    """The wallet was settled up to that day, or a later one."""


class NotBilled(Exception):
    """The last days have no price, so nothing is final."""


class PaidSince(Exception):
    """The next person has paid in already."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement, and whether it was made before; a preview has no transaction."""

    settlement: Settlement
    replayed: bool


def settle(
    *,
    occupancy_id: UUID,
    payment_method: str = "",
    reference: str = "",
    accept_estimates: bool = False,
    settled_at: datetime,
    actor: User | None,
) -> Settled:
    """
    Close the account of an occupancy that ended; again, it answers the first settlement.

    What is left is paid back by the method, or kept for the person without one.

    :raises NotEnded: if the occupancy has no end, or one to come.
    :raises SettledBefore: if another occupancy of the unit was settled up to then, or later.
    :raises final_readings.ReadingMissing: if a meter was not read at the end, or only estimated.
    :raises NotBilled: if the last days have no price.
    :raises PaidSince: if the next person's money is in the wallet.
    :raises refunds.UnknownMethod: if money is not paid back in that way.
    :raises ledger.LedgerBusy: if the wallet stayed locked.
    """
    if payment_method and payment_method not in refunds.METHODS:
        raise refunds.UnknownMethod("Pay back by EFT, card, instant EFT or cash.")
    occupancies = Occupancy.objects.select_related("unit__estate", "resident")
    occupancy = occupancies.get(pk=occupancy_id)
    wallet = Wallet.objects.select_related("unit").get(unit=occupancy.unit_id)
    with ledger.waiting_briefly():
        ledger.lock([wallet.pk])
        if earlier := Settlement.objects.filter(occupancy=occupancy).first():
            return Settled(earlier, replayed=True)
        made = _close(
            _Closing(occupancy, wallet, _end_of(occupancy, settled_at), settled_at),
            Settlement(payment_method=payment_method, reference=reference, settled_by=actor),
            accept_estimates=accept_estimates,
        )
    wakeups.credit_changed(wallet.pk)
    return Settled(made, replayed=False)


def preview(
    *,
    occupancy_id: UUID,
    payment_method: str = "",
    reference: str = "",
    accept_estimates: bool = False,
    settled_at: datetime,
) -> Settled:
    """What `settle` would do now: it is done and taken back. Raises what `settle` raises."""
    with transaction.atomic():
        settled = settle(
            occupancy_id=occupancy_id,
            payment_method=payment_method,
            reference=reference,
            accept_estimates=accept_estimates,
            settled_at=settled_at,
            actor=None,
        )
        transaction.set_rollback(True)
    return settled


def last_ended(unit_id: UUID, today: date) -> Occupancy | None:
    """The occupancy of a unit that ended last, settled or not, if there is one."""
    ended = Occupancy.objects.filter(unit=unit_id, is_primary=True, ends_on__lte=today)
    # "tenant" comes after "owner".
    return ended.order_by("-ends_on", "-kind", "-starts_on").first()


def closing_movements(pockets: Pockets, method: str) -> list[Movement]:
    """
    Bring a wallet to zero: what is held pays what is owed, and the rest leaves the wallet.

    What is held beyond goes back by the method, or is kept in `FORMER_RESIDENTS` without one;
    what is owed beyond goes there too.
    """
    held = {
        account: amount
        for account, name in POCKET_ACCOUNTS.items()
        if (amount := getattr(pockets, name)) > 0
    }
    owed = {Account.WATER: max(-pockets.water, ZERO), Account.ARREARS: pockets.arrears}
    movements = []
    for debt, account in ((debt, account) for debt in owed for account in held):
        if (paid := min(held[account], owed[debt])) > 0:
            movements.append(Movement(account, debt, paid))
            held[account] -= paid
            owed[debt] -= paid
    target = Account.REFUNDS if method else Account.FORMER_RESIDENTS
    movements += [Movement(account, target, left) for account, left in held.items() if left > 0]
    if method and (back := sum(held.values(), ZERO)) > 0:
        clearing = CLEARING[Transaction.Method(method)]
        movements.append(Movement(Account.REFUNDS, clearing, back))
    movements += [
        Movement(Account.FORMER_RESIDENTS, debt, left) for debt, left in owed.items() if left > 0
    ]
    return movements


@dataclass(frozen=True, slots=True)
class _Closing:
    """An occupancy that is closed, its wallet, the instant it ended, and now."""

    occupancy: Occupancy
    wallet: Wallet
    end: datetime
    now: datetime

    @property
    def ends_on(self) -> date:
        return local_day(self.end, self.occupancy.unit.estate.zone)


def _end_of(occupancy: Occupancy, now: datetime) -> datetime:
    zone = occupancy.unit.estate.zone
    if occupancy.ends_on is None or (end := midnight(occupancy.ends_on, zone)) > now:
        raise NotEnded("The occupancy has not ended: let the person move out first.")
    return end


def _close(closing: _Closing, asked: Settlement, *, accept_estimates: bool) -> Settlement:
    _check_order(closing)
    readings = final_readings.of_unit(
        closing.occupancy.unit_id, closing.end, accept_estimates=accept_estimates
    )
    run = runs.close(
        wallet_id=closing.wallet.pk,
        since=closing.occupancy.starts_on,
        until=closing.ends_on,
        end=closing.end,
        now=closing.now,
    )
    if run.refused:
        raise NotBilled(_problem(closing))
    pockets = pockets_of(Wallet.objects.get(pk=closing.wallet.pk))
    made = _settlement(closing, asked, pockets)
    made.readings, made.charged = readings, run.total
    made.transaction = _post(closing, made, pockets)
    made.save(force_insert=True)
    runs.bill(
        now=closing.now,
        since=closing.ends_on,
        wallet_ids=[closing.wallet.pk],
        months=Months.ALL,
    )
    return made


def _settlement(closing: _Closing, made: Settlement, pockets: Pockets) -> Settlement:
    """The settlement by what the wallet holds and owes once its bills are final."""
    occupancy = closing.occupancy
    owed = pockets.arrears + max(-pockets.water, ZERO)
    held = pockets.balance + max(-pockets.water, ZERO)
    left = max(held - owed, ZERO)
    made.occupancy, made.wallet = occupancy, closing.wallet
    made.estate, made.resident = occupancy.unit.estate, str(occupancy.resident)
    made.starts_on, made.ends_on = occupancy.starts_on, closing.ends_on
    made.held, made.owed, made.debt = held, owed, max(owed - held, ZERO)
    made.refunded, made.kept = (left, ZERO) if made.payment_method else (ZERO, left)
    made.settled_at = closing.now
    return made


def _post(closing: _Closing, made: Settlement, pockets: Pockets) -> Transaction | None:
    movements = closing_movements(pockets, made.payment_method)
    if not movements:
        return None
    is_refund = made.refunded > 0
    posted = ledger.post(
        Entry(
            wallet_id=closing.wallet.pk,
            kind=Transaction.Kind.REFUND if is_refund else Transaction.Kind.ADJUSTMENT,
            amount=made.refunded if is_refund else made.debt - made.kept,
            flow=Flow(onward=tuple(movements)),
            occurred_at=closing.end - LAST_MOMENT,
            payment_method=made.payment_method if is_refund else Transaction.Method.ADJUSTMENT,
            reference=made.reference or f"Settlement of {closing.ends_on}",
            reason=f"{made.resident} moved out",
            metadata={"settlement": str(made.pk)},
            actor=made.settled_by,
        )
    )
    return posted.transaction


def _check_order(closing: _Closing) -> None:
    later = Settlement.objects.filter(wallet=closing.wallet.pk, ends_on__gte=closing.ends_on)
    if (other := later.latest_first().first()) is not None:
        raise SettledBefore(f"The unit was settled for {other}.")
    zone = closing.occupancy.unit.estate.zone
    following = Occupancy.objects.filter(
        unit=closing.occupancy.unit_id, kind=Occupancy.Kind.TENANT, starts_on__gte=closing.ends_on
    ).exclude(pk=closing.occupancy.pk)
    first = following.order_by("starts_on").first()
    if first is None:
        return
    paid = Transaction.objects.filter(
        wallet=closing.wallet.pk,
        occurred_at__gte=midnight(first.starts_on, zone),
        reversed_by=None,
        reverses=None,
    ).exclude(kind__startswith="consumption_")
    if (made := paid.order_by("sequence").first()) is not None:
        raise PaidSince(
            f"{made} came after the next person moved in: reverse it, settle, post it again."
        )


def _problem(closing: _Closing) -> str:
    unpriced = Bill.objects.filter(wallet=closing.wallet.pk).exclude(problem="")
    bill = unpriced.order_by("-month").first()
    return f"{bill} has no price: {bill.problem}" if bill else "The last days have no price."
