"""
The accounts of an estate: what was debited and credited to each, over any period.

A local day that is over is summed once and never again, for what is recorded is never changed;
the days since are summed from the postings when they are asked for. A day is over when its hours
are, an hour has passed for the clocks, and no database transaction that began in it is still
open: what is recorded later carries a later time. Receipts in suspense and what was given back
of them have no posting (they belong to no wallet); they count as what they stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Sum

from estates.models import Estate
from quantify.money import ZERO
from quantify.periods import EPOCH, Period, local_day, midnight
from wallets.models import Account, AccountBook, AccountDay
from wallets.pockets import POCKET_ACCOUNTS

MARGIN = timedelta(hours=1)
DAY = timedelta(days=1)
WALLETS = frozenset({*POCKET_ACCOUNTS, Account.ARREARS})

# What was recorded from one instant to another, both sides: of one estate, or of all. The codes
# are those of `Account`: 20 to 23 the clearing accounts, 60 suspense.
SIDES = """
    SELECT booked.estate_id, booked.recorded_at, side.account, side.debit, side.credit
    FROM (
        SELECT one.estate_id, one.recorded_at, posting.debit, posting.credit, posting.amount
        FROM wallets_transaction AS one
        JOIN wallets_posting AS posting ON posting.transaction_id = one.id
        WHERE one.recorded_at >= %(start)s AND one.recorded_at < %(end)s
            AND (%(estate)s::uuid IS NULL OR one.estate_id = %(estate)s)
        UNION ALL
        SELECT receipt.estate_id, moved.recorded_at,
            CASE WHEN moved.inward THEN clearing.account ELSE 60 END,
            CASE WHEN moved.inward THEN 60 ELSE clearing.account END, moved.amount
        FROM wallets_suspensereceipt AS receipt
        JOIN (VALUES ('eft', 20), ('card', 21), ('instant_eft', 22), ('cash', 23))
            AS clearing (method, account) ON clearing.method = receipt.payment_method
        JOIN (
            SELECT id, recorded_at, amount, true AS inward FROM wallets_suspensereceipt
            UNION ALL
            SELECT receipt_id, recorded_at, amount, false FROM wallets_suspenserelease
            WHERE transaction_id IS NULL
        ) AS moved ON moved.id = receipt.id
        WHERE moved.recorded_at >= %(start)s AND moved.recorded_at < %(end)s
            AND receipt.estate_id IS NOT NULL
            AND (%(estate)s::uuid IS NULL OR receipt.estate_id = %(estate)s)
    ) AS booked
    CROSS JOIN LATERAL (VALUES
        (booked.debit, booked.amount, 0), (booked.credit, 0, booked.amount)
    ) AS side (account, debit, credit)
"""

LIVE = f"SELECT account, sum(debit), sum(credit) FROM ({SIDES}) AS sides GROUP BY account"  # noqa: S608

# Which days can be closed: from the first that is not summed up to the first that is not over.
CLOSING = """
CREATE TEMPORARY TABLE accounts_closing ON COMMIT DROP AS
SELECT estate.id AS estate_id, estate.time_zone,
    CASE WHEN book.time_zone = estate.time_zone THEN book.closed_to END AS closed_to,
    (least(%(over)s, (
        SELECT min(xact_start) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
    )) AT TIME ZONE estate.time_zone)::date AS upto
FROM estates_estate AS estate
LEFT JOIN wallets_accountbook AS book ON book.estate_id = estate.id
"""
CLOSED_BEFORE = "DELETE FROM accounts_closing WHERE closed_to >= upto"

FORGET = """
DELETE FROM wallets_accountday AS summed USING accounts_closing AS closing
WHERE summed.estate_id = closing.estate_id AND closing.closed_to IS NULL
"""

BOUNDS = """
SELECT min(coalesce(closed_to::timestamp AT TIME ZONE time_zone, '1970-01-01Z')),
    max(upto::timestamp AT TIME ZONE time_zone)
FROM accounts_closing
"""

SUM = f"""
INSERT INTO wallets_accountday (estate_id, day, account, debit, credit)
SELECT sides.estate_id, (sides.recorded_at AT TIME ZONE closing.time_zone)::date, sides.account,
    sum(sides.debit), sum(sides.credit)
FROM ({SIDES}) AS sides
JOIN accounts_closing AS closing ON closing.estate_id = sides.estate_id
WHERE (sides.recorded_at AT TIME ZONE closing.time_zone) < closing.upto
    AND (closing.closed_to IS NULL
        OR (sides.recorded_at AT TIME ZONE closing.time_zone) >= closing.closed_to)
GROUP BY 1, 2, 3
"""  # noqa: S608

CLOSE = """
INSERT INTO wallets_accountbook (estate_id, closed_to, time_zone)
SELECT estate_id, upto, time_zone FROM accounts_closing
ON CONFLICT (estate_id) DO UPDATE SET closed_to = EXCLUDED.closed_to,
    time_zone = EXCLUDED.time_zone, updated_at = now()
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What was debited and credited to an account; `net` is what it holds by that."""

    debit: Decimal = ZERO
    credit: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.credit - self.debit

    def plus(self, other: "Sums") -> "Sums":
        return Sums(self.debit + other.debit, self.credit + other.credit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An account over a period: what it held before, what moved, what it holds after."""

    account: Account
    opening: Decimal
    debit: Decimal
    credit: Decimal

    @property
    def closing(self) -> Decimal:
        return self.opening + self.credit - self.debit


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """All accounts of an estate over some local days, both included."""

    estate: Estate
    first_day: date
    last_day: date
    rows: tuple[Row, ...]

    @property
    def debit(self) -> Decimal:
        return sum((row.debit for row in self.rows), ZERO)

    @property
    def credit(self) -> Decimal:
        return sum((row.credit for row in self.rows), ZERO)

    @property
    def in_wallets(self) -> Decimal:
        """What the wallets hold less what they owe; the other accounts hold its opposite."""
        return sum((row.closing for row in self.rows if row.account in WALLETS), ZERO)


@transaction.atomic
def close(*, now: datetime) -> int:
    """Sum the days that are over, of all estates; how many estates had any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('wallets_accountbook'))")
        cursor.execute("DROP TABLE IF EXISTS pg_temp.accounts_closing")
        cursor.execute(CLOSING, {"over": now - MARGIN})
        cursor.execute(CLOSED_BEFORE)
        cursor.execute(BOUNDS)
        start, end = cursor.fetchone()
        if end is None:
            return 0
        cursor.execute(FORGET)
        cursor.execute(SUM, {"start": start, "end": end, "estate": None})
        cursor.execute(CLOSE)
        return int(cursor.rowcount)


def balance(estate: Estate, account: Account, at: datetime) -> Decimal:
    """What an account holds at an instant, credits less debits, by the time of recording."""
    return _sums(estate, None, at).get(account, Sums()).net


def trial_balance(estate: Estate, first_day: date, last_day: date) -> TrialBalance:
    """Every account that was ever used, over local days, both included."""
    zone = estate.zone
    before = _sums(estate, None, midnight(first_day, zone))
    within = _sums(estate, first_day, midnight(last_day + DAY, zone))
    rows = (
        Row(
            account=account,
            opening=before.get(account, Sums()).net,
            debit=within.get(account, Sums()).debit,
            credit=within.get(account, Sums()).credit,
        )
        for account in sorted({*before, *within})
    )
    return TrialBalance(estate=estate, first_day=first_day, last_day=last_day, rows=tuple(rows))


def _sums(estate: Estate, first_day: date | None, end: datetime) -> Mapping[Account, Sums]:
    """From the beginning of a local day, or of everything, up to an instant."""
    zone = estate.zone
    summed_to = min(_closed_to(estate), local_day(end, zone))
    days = AccountDay.objects.filter(estate=estate, day__lt=summed_to)
    if first_day is not None:
        days = days.filter(day__gte=first_day)
    rows = days.values_list("account").annotate(Sum("debit"), Sum("credit"))
    found = {Account(account): Sums(debit, credit) for account, debit, credit in rows}
    start = max(summed_to, first_day or date.min)
    since = midnight(start, zone) if start > EPOCH.date() else EPOCH
    if since < end:
        for account, sums in _live(estate, Period(since, end)):
            found[account] = found.get(account, Sums()).plus(sums)
    return found


def _closed_to(estate: Estate) -> date:
    book = AccountBook.objects.filter(estate=estate, time_zone=estate.time_zone).first()
    return book.closed_to if book else date.min


def _live(estate: Estate, period: Period) -> list[tuple[Account, Sums]]:
    with connection.cursor() as cursor:
        cursor.execute(LIVE, {"start": period.start, "end": period.end, "estate": estate.pk})
        return [(Account(code), Sums(debit, credit)) for code, debit, credit in cursor.fetchall()]
