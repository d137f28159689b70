"""
Billing: what a month costs so far, less what was charged, is the charge.

Work is found by comparing facts, never from a queue: a bill is stale when the days it was made
from have changed (the sum of their revisions tells), or when a new local day began. Running
again finds nothing; two runs at once wait for each other at the wallets and are one: who comes
second looks anew at the wallets that the first one changed.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import batched
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from estates.models import EstateSettings
from quantify import lanes
from quantify.crash_points import Point, reach
from quantify.money import ZERO
from quantify.periods import first_of_month, local_day, previous_month
from rates.components import InvalidComponents
from rates.engine import InvalidUsage, NoFreeAllocation
from rates.models import RateTableVersion
from rates.pricing import NoTariff, PriceBook, Terms
from wallets import ledger
from wallets.billing import (
    bill_rows,
    carrying,
    charges,
    continuations,
    cuts,
    staleness,
    unchanged,
)
from wallets.billing.bill_rows import BillRow
from wallets.billing.carrying import Batch, Carried
from wallets.billing.charges import Step
from wallets.billing.determinants import Usages
from wallets.billing.metered import Key, Supply
from wallets.billing.rating import rate
from wallets.billing.staleness import Months

log = logging.getLogger(__name__)

# Enough to make the fixed cost of statements vanish. A top-up waits for as long as a batch takes:
# some 0.4 s, or 1.5 s where whole months of quarter hours are read.
WALLETS_AT_ONCE = 1_000
DAY = timedelta(days=1)
LAST_MOMENT = timedelta(microseconds=1)


@dataclass(slots=True)
class Run:
    """
    What a billing run did: charges posted, their sum in rand, and units it could not price.

    `busy` wallets stood in a batch of which one stayed locked; the next run finds them.
    """

    charged: int = 0
    total: Decimal = ZERO
    priced: int = 0
    refused: int = 0
    busy: int = 0

    def add(self, other: "Run") -> None:
        self.charged += other.charged
        self.total += other.total
        self.priced += other.priced
        self.refused += other.refused
        self.busy += other.busy


def bill(
    *,
    now: datetime,
    since: date | None = None,
    wallet_ids: Sequence[UUID] | None = None,
    months: Months = Months.OPEN,
) -> Run:
    """
    Bring the bills of all wallets, or of some, up to date and charge the differences.

    Looks at the months from `since` (a local day) on, by default those whose days for late facts
    are not over, and never at closed ones unless `months` says so.
    """
    first = first_of_month(since) if since else _first_open(now)
    if wallet_ids is not None or months is not Months.OPEN:
        return _bill_stale(now=now, first_month=first, wallet_ids=wallet_ids, months=months)
    facts, known = unchanged.digest(now=now, first_month=first), unchanged.known()
    if facts == known:
        return Run()
    if known and facts.terms == known.terms:
        outcome = _carry_on(now=now, first_month=first)
    else:
        outcome = _bill_stale(now=now, first_month=first)
    if not outcome.busy:
        unchanged.keep(facts._replace(revisions="") if outcome.refused else facts)
    return outcome


def _carry_on(*, now: datetime, first_month: date) -> Run:
    """Charge what was metered since a run that left nothing, where nothing else changed since."""
    batches, others = carrying.changed(first_month=first_month)
    outcome, left = Run(), list(others)
    for batch, done in lanes.work_off(batches, partial(_carry, now=now)):
        if done is None:
            outcome.busy += len(batch.wallets)
        else:
            outcome.add(Run(charged=done.charged, total=done.total, priced=done.priced))
            left += done.left
    if left:
        outcome.add(_bill_stale(now=now, first_month=first_month, wallet_ids=list(set(left))))
    return outcome


def _carry(batch: Batch, *, now: datetime) -> tuple[Batch, Carried | None]:
    """What became of a batch; nothing if a wallet of it is in use."""
    try:
        return batch, carrying.carry(batch, now=now)
    except ledger.LedgerBusy:
        log.warning("%s wallets are billed by the next run: one is in use.", len(batch.wallets))
        return batch, None


def waiting(*, now: datetime) -> int:
    """How many bills a run would look at: those whose facts changed since it last did."""
    first = _first_open(now)
    if unchanged.digest(now=now, first_month=first) == unchanged.known():
        return 0
    return len(staleness.stale(now=now, first_month=first, months=Months.OPEN))


def _bill_stale(
    *,
    now: datetime,
    first_month: date,
    wallet_ids: Sequence[UUID] | None = None,
    months: Months = Months.OPEN,
) -> Run:
    found = staleness.stale(now=now, first_month=first_month, wallet_ids=wallet_ids, months=months)
    batches = batched(staleness.by_wallet(found).items(), WALLETS_AT_ONCE, strict=False)
    work = partial(_bill_batch, now=now, first_month=first_month, months=months)
    outcome = Run()
    for done in lanes.work_off(batches, work):
        outcome.add(done)
    return outcome


def _bill_batch(
    batch: Iterable[tuple[UUID, Sequence[Supply]]],
    *,
    now: datetime,
    first_month: date,
    months: Months,
) -> Run:
    found = dict(batch)
    try:
        return _bill_wallets(found, now=now, first_month=first_month, months=months)
    except ledger.LedgerBusy:
        log.warning("%s wallets are billed by the next run: one of them is in use.", len(found))
        return Run(busy=len(found))


@transaction.atomic
def _bill_wallets(
    found: Mapping[UUID, Sequence[Supply]], *, now: datetime, first_month: date, months: Months
) -> Run:
    """Charge what was found stale, or what is by now where somebody came first."""
    ledger.lock(list(found))
    supplies = [one for of_wallet in found.values() for one in of_wallet]
    bills = bill_rows.of_supplies(supplies)
    changed = staleness.overtaken(supplies, bills)
    if months is Months.OPEN:
        changed |= staleness.closed_meanwhile(supplies)
    if changed:
        again = staleness.stale(
            now=now, first_month=first_month, wallet_ids=list(changed), months=months
        )
        supplies = [one for one in supplies if one.wallet_id not in changed] + again
        bills |= bill_rows.of_supplies(again)
    return _charge(supplies, bills, first_month=first_month, now=now, occurred_at=now)


@transaction.atomic
def close(*, wallet_id: UUID, since: date, until: date, end: datetime, now: datetime) -> Run:
    """
    Charge a wallet for its days before the local day `until`, which begins at `end`, and no more.

    What was charged since then is given back, so that later days can be charged to another
    person; the charges of the last days are dated to the last moment before `end`. Looks at the
    months from the one before on, but none before that of the local day `since`, and at closed
    ones too: who settles an account closes its bills. Billing again charges the later days anew.
    """
    ledger.lock([wallet_id])
    first_month = max(previous_month(until - DAY), first_of_month(since))
    cuts.withdraw(wallet_id=wallet_id, since=end, first_month=first_month, now=now)
    supplies = staleness.stale(
        now=now,
        first_month=first_month,
        wallet_ids=[wallet_id],
        until=until,
        months=Months.ALL,
    )
    cuts.empty(wallet_id=wallet_id, until=until, final={one.key for one in supplies})
    return _charge(
        supplies,
        bill_rows.of_supplies(supplies),
        first_month=first_month,
        now=now,
        occurred_at=end - LAST_MOMENT,
    )


def _charge(
    supplies: Sequence[Supply],
    bills: Mapping[Key, BillRow],
    *,
    first_month: date,
    now: datetime,
    occurred_at: datetime,
) -> Run:
    if not supplies:
        return Run()
    made = steps(supplies, bills, first_month=first_month, now=now)
    charged = charges.post(made, occurred_at=occurred_at)
    reach(Point.CHARGES_POSTED)
    charges.store([bills[supply.key] for supply in supplies], now=now)
    reach(Point.BILLS_STORED)
    return Run(
        charged=len(charged),
        total=sum((one.amount for one in charged), ZERO),
        priced=len(made),
        refused=len(supplies) - len(made),
    )


def steps(
    supplies: Sequence[Supply], bills: Mapping[Key, BillRow], *, first_month: date, now: datetime
) -> list[Step]:
    """
    The steps of bills to what the facts say now; a supply without a price has none.

    The bills take their new state, which is not stored yet.
    """
    book = PriceBook(estates={one.place.estate_id for one in supplies}, first_day=first_month)
    priced = [
        (supply, terms)
        for supply in supplies
        if (terms := _terms(supply, bills[supply.key], book)) is not None
    ]
    usage, calendars = Usages(priced, now=now, bills=bills), continuations.calendars_state()
    return [
        step
        for supply, terms in priced
        if (step := _step(supply, terms, usage, bills[supply.key], calendars)) is not None
    ]


def _first_open(now: datetime) -> date:
    """The first month that may still be open by the settings of some estate."""
    longest = EstateSettings.objects.aggregate(days=Max("month_closes_after_days"))["days"]
    today = local_day(now)
    waited = first_of_month(today - timedelta(days=longest or 0))
    return min(waited, previous_month(today))


def _terms(supply: Supply, current: BillRow, book: PriceBook) -> list[Terms] | None:
    """The prices of a supply; None, and why on its bill, if there are none."""
    try:
        return book.terms(supply.place, supply.utility, supply.first_day, supply.end_day)
    except (NoTariff, InvalidComponents, NoFreeAllocation) as error:
        _refuse(supply, current, error)
        return None


def _step(
    supply: Supply,
    terms: Sequence[Terms],
    usage: Usages,
    current: BillRow,
    calendars: int | None,
) -> Step | None:
    """The step of a bill to what the facts say now; None, and why on the bill, without a price."""
    try:
        priced = rate(supply, terms, usage)
    except InvalidUsage as error:
        _refuse(supply, current, error)
        return None
    version = _newest_begun(terms, supply)
    current.banded = usage.kept(supply, terms)
    made = charges.step(
        current,
        priced,
        supply,
        version=version,
        consumption=usage.total(supply),
        stretches=usage.stretches(supply),
        markups=[one.markup_percent for one in terms],
    )
    current.continues = continuations.of(
        made, priced, supply, terms=terms, usage=usage, calendars=calendars
    )
    return made


def _refuse(supply: Supply, current: BillRow, error: Exception) -> None:
    current.problem = str(error)[:250]
    log.warning("No price for %s of unit %s: %s", supply.utility, supply.place.unit_id, error)


def _newest_begun(terms: Sequence[Terms], supply: Supply) -> RateTableVersion:
    begun = [one for one in terms if one.first_day < supply.priced_to]
    return (begun or terms)[-1].version
