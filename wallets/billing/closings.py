"""
Closing an estate's months: billing by itself posts nothing to them any more.

Months close in order: a closed month closes all before it. The wallets are locked while a month
is closed, and billing asks under the same locks, so that a run charges before the closing or
leaves the month alone. What is learned later: `wallets.billing.differences`.
"""

import logging
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Max

from accounts.models import User
from estates.models import Estate
from quantify.periods import first_of_month, local_day, previous_month
from wallets import ledger
from wallets.billing import runs
from wallets.models import MonthClosing, Wallet

log = logging.getLogger(__name__)


class MonthNotOver(Exception):
    """A month closes once it is over."""


class ClosedBefore(Exception):
    """The month, or a later one, was closed before."""


def close(*, estate: Estate, month: date, actor: User | None, closed_at: datetime) -> MonthClosing:
    """
    Charge what is known of a month (its first day) and close it, for good.

    :raises MonthNotOver: if it still runs.
    :raises ClosedBefore: if it is closed.
    :raises ledger.LedgerBusy: if a wallet stayed locked, or could not be billed for that.
    """
    if month >= first_of_month(local_day(closed_at, estate.zone)):
        raise MonthNotOver(f"{month:%B %Y} is not over: close it once it is.")
    _check_open(estate, month)
    wallets = _wallets_of(estate)
    if wallets and runs.bill(now=closed_at, since=month, wallet_ids=wallets).busy:
        raise ledger.LedgerBusy("Some wallets are in use: close the month again in a moment.")
    with ledger.waiting_briefly():
        # Who lists no wallet locks nothing: two closings of an empty estate meet at the estate.
        Estate.objects.select_for_update(of=("self",), no_key=True).get(pk=estate.pk)
        ledger.lock(wallets)
        _check_open(estate, month)
        made: MonthClosing = MonthClosing.objects.create(
            estate=estate, month=month, closed_at=closed_at, closed_by=actor
        )
    return made


def close_due(*, now: datetime) -> list[MonthClosing]:
    """Close the months whose days for late facts, as each estate has it, are over."""
    made = []
    for estate in Estate.objects.filter(deleted_at=None).select_related("settings"):
        month = due(estate, now)
        last = closed_to(estate)
        if last is not None and last >= month:
            continue
        try:
            made.append(close(estate=estate, month=month, actor=None, closed_at=now))
        except (ledger.LedgerBusy, ClosedBefore) as error:
            log.warning("%s of estate %s is not closed: %s", month, estate.pk, error)
    return made


def due(estate: Estate, now: datetime) -> date:
    """The newest month of an estate whose days for late facts are over."""
    waited = timedelta(days=estate.settings.month_closes_after_days)
    return previous_month(first_of_month(local_day(now, estate.zone) - waited))


def closed_to(estate: Estate) -> date | None:
    """The last month of an estate that is closed; those before it are."""
    rows = MonthClosing.objects.filter(estate=estate)
    last: date | None = rows.aggregate(last=Max("month"))["last"]
    return last


def _check_open(estate: Estate, month: date) -> None:
    last = closed_to(estate)
    if last is not None and month <= last:
        raise ClosedBefore(f"{month:%B %Y} is closed: the months up to {last:%B %Y} are.")


def _wallets_of(estate: Estate) -> list[UUID]:
    return list(Wallet.objects.filter(unit__estate=estate).values_list("pk", flat=True))
