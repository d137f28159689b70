"""
Whether the ledger agrees with itself: everything that is stored twice is added up again.

The postings are read once and set against everything derived from them, by sums and windows
over whole tables; a history of millions costs a few passes and no question per row. The checks
share nothing with `wallets.ledger` but the tables.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from quantify.periods import local_day
from quantify.snapshots import snapshot
from wallets.proving import estate_checks

log = logging.getLogger(__name__)

SHOWN = 20

FORGET = "DROP TABLE IF EXISTS pg_temp.ledger_moved"

# One row for each transaction with what its postings did to the wallet, to VAT output, and to what
# is held for others. 1 to 4 are the pockets, 9 the arrears (which grow by debits), 40 VAT output,
# 60 suspense (by debits: what was taken from it), 61 former residents (what they owe): `Account`.
# What checks ask of a transaction is in it, so that none joins the whole history anew: the two
# that did took 93 of 102 seconds over 10 million postings.
MOVED = """
CREATE TEMPORARY TABLE ledger_moved ON COMMIT DROP AS
SELECT one.id, one.number, one.wallet_id, one.sequence, one.reverses_id,
    one.balance_before, one.balance_after, one.arrears_after,
    CASE WHEN one.kind = 'topup' AND one.metadata ? 'settlement' THEN one.amount ELSE 0 END
        AS collected, posted.*
FROM wallets_transaction AS one
CROSS JOIN LATERAL (
    SELECT count(*) AS lines,
        coalesce(sum(CASE 1 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS available,
        coalesce(sum(CASE 2 WHEN credit THEN amount WHEN debit THEN -amount END), 0)
            AS electricity,
        coalesce(sum(CASE 3 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS water,
        coalesce(sum(CASE 4 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS solar,
        coalesce(sum(CASE 9 WHEN debit THEN amount WHEN credit THEN -amount END), 0) AS arrears,
        coalesce(sum(CASE 40 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS vat,
        coalesce(sum(CASE 60 WHEN debit THEN amount WHEN credit THEN -amount END), 0) AS suspense,
        coalesce(sum(CASE 61 WHEN debit THEN amount WHEN credit THEN -amount END), 0) AS former
    FROM unnest(one.debits, one.credits, one.amounts) AS posting (debit, credit, amount)
) AS posted
"""
LOOK = "ANALYZE pg_temp.ledger_moved"

# The numbers travel with the checks: what was counted is what was checked.
COUNTS = """
SELECT (SELECT count(*) FROM wallets_wallet), count(*), coalesce(sum(lines), 0)::bigint
FROM ledger_moved
"""

BALANCED = """
SELECT format('Posting %s moves R%s from account %s to account %s', id, amount, debit, credit)
FROM wallets_posting WHERE coalesce(amount <= 0 OR debit = credit, true)
"""

POSTED = """
SELECT format('T%s has no postings', lpad(number::text, 9, '0')) FROM ledger_moved
WHERE lines = 0
"""

POCKETS = """
SELECT format('Wallet %s holds (%s, %s, %s, %s) and owes %s; its postings make (%s, %s, %s, %s)'
    ' and %s', wallet.id, wallet.available, wallet.electricity, wallet.water, wallet.solar,
    wallet.arrears, coalesce(posted.available, 0), coalesce(posted.electricity, 0),
    coalesce(posted.water, 0), coalesce(posted.solar, 0), coalesce(posted.arrears, 0))
FROM wallets_wallet AS wallet
LEFT JOIN (
    SELECT wallet_id, sum(available) AS available, sum(electricity) AS electricity,
        sum(water) AS water, sum(solar) AS solar, sum(arrears) AS arrears
    FROM ledger_moved GROUP BY wallet_id
) AS posted ON posted.wallet_id = wallet.id
WHERE (wallet.available, wallet.electricity, wallet.water, wallet.solar, wallet.arrears)
    <> (coalesce(posted.available, 0), coalesce(posted.electricity, 0),
        coalesce(posted.water, 0), coalesce(posted.solar, 0), coalesce(posted.arrears, 0))
"""

EFFECT = """
SELECT format('T%s goes from R%s to R%s, its postings move R%s', lpad(number::text, 9, '0'),
    balance_before, balance_after, available + electricity + water + solar)
FROM ledger_moved
WHERE balance_after <> balance_before + available + electricity + water + solar
"""

CHAIN = """
SELECT format('T%s begins at R%s and owing R%s, the one before it ended at R%s and R%s',
    lpad(number::text, 9, '0'), balance_before, arrears_after - arrears, balance, owed)
FROM (
    SELECT number, balance_before, arrears_after, arrears,
        lag(balance_after, 1, 0) OVER earlier AS balance,
        lag(arrears_after, 1, 0) OVER earlier AS owed
    FROM ledger_moved WINDOW earlier AS (PARTITION BY wallet_id ORDER BY sequence)
) AS chained
WHERE balance_before <> balance OR arrears_after <> owed + arrears
"""

SEQUENCE = """
SELECT format('Wallet %s counts %s transactions and has %s, numbered %s to %s', wallet.id,
    wallet.sequence, coalesce(made.count, 0), coalesce(made.first, 0), coalesce(made.last, 0))
FROM wallets_wallet AS wallet
LEFT JOIN (
    SELECT wallet_id, count(*), min(sequence) AS first, max(sequence) AS last
    FROM ledger_moved GROUP BY wallet_id
) AS made ON made.wallet_id = wallet.id
WHERE (wallet.sequence, wallet.sequence, least(wallet.sequence, 1))
    <> (coalesce(made.count, 0), coalesce(made.last, 0), coalesce(made.first, 0))
"""

# What was spent since may be owed instead (`ledger.reverse` with override): then the wallet's own
# accounts count as one, here 0.
REVERSALS = """
WITH reversal AS (
    SELECT id, number, reverses_id, wallet_id, amount,
        CASE WHEN metadata @> '{"override": true}' THEN 9 ELSE 0 END AS own
    FROM wallets_transaction WHERE reverses_id IS NOT NULL
), sides AS (
    SELECT reversal.number, posting.amount,
        CASE WHEN posting.debit > own THEN posting.debit ELSE 0 END AS debit,
        CASE WHEN posting.credit > own THEN posting.credit ELSE 0 END AS credit
    FROM reversal JOIN wallets_posting AS posting ON posting.transaction_id = reversal.reverses_id
    UNION ALL
    SELECT reversal.number, -posting.amount,
        CASE WHEN posting.credit > own THEN posting.credit ELSE 0 END,
        CASE WHEN posting.debit > own THEN posting.debit ELSE 0 END
    FROM reversal JOIN wallets_posting AS posting ON posting.transaction_id = reversal.id
), unequal AS (
    SELECT number FROM sides GROUP BY number, debit, credit HAVING sum(amount) <> 0
    UNION
    SELECT reversal.number
    FROM reversal JOIN wallets_transaction AS original ON original.id = reversal.reverses_id
    WHERE (original.wallet_id, original.amount) <> (reversal.wallet_id, -reversal.amount)
)
SELECT format('T%s is not the opposite of what it reverses', lpad(number::text, 9, '0'))
FROM unequal
"""

# A reversed charge stays charged: what comes back to a bill comes as a lower bill.
BILLS = """
SELECT format('The %s bill of wallet %s for %s says charged R%s with VAT R%s,'
    ' its charges add up to R%s with VAT R%s', bill.utility, bill.wallet_id,
    to_char(bill.month, 'YYYY-MM'), bill.charged, bill.vat, coalesce(charged.amount, 0),
    coalesce(charged.vat, 0))
FROM wallets_bill AS bill
LEFT JOIN (
    SELECT charge.bill_id, sum(one.amount) AS amount, sum(charge.vat) AS vat
    FROM wallets_charge AS charge
    JOIN wallets_transaction AS one ON one.id = charge.transaction_id
    GROUP BY charge.bill_id
) AS charged ON charged.bill_id = bill.id
WHERE (bill.charged, bill.vat) <> (coalesce(charged.amount, 0), coalesce(charged.vat, 0))
"""

CHARGES = """
SELECT format('T%s: its charge says R%s with VAT R%s, its postings R%s with VAT R%s',
    lpad(moved.number::text, 9, '0'), charge.total_after - charge.total_before, charge.vat,
    moved.arrears - moved.available - moved.electricity - moved.water - moved.solar, moved.vat)
FROM wallets_charge AS charge JOIN ledger_moved AS moved ON moved.id = charge.transaction_id
WHERE (charge.vat, charge.total_after - charge.total_before)
    <> (moved.vat,
        moved.arrears - moved.available - moved.electricity - moved.water - moved.solar)
"""

CHECKS = {
    "postings are balanced": BALANCED,
    "every transaction has postings": POSTED,
    "pockets and arrears are the sums of the postings": POCKETS,
    "balances move as the postings do": EFFECT,
    "each transaction begins where the one before it ended": CHAIN,
    "transactions are numbered without holes": SEQUENCE,
    "reversals are equal and opposite": REVERSALS,
    "bills are the sums of their charges": BILLS,
    "charges are what their postings say": CHARGES,
    **estate_checks.CHECKS,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree, in words, and the name of the check that found it."""

    check: str
    words: str

    def __str__(self) -> str:
        return f"Not so: {self.check}. {self.words}."


LAST_OUTCOME = "ledger-verified"
"""Where the cache keeps when the ledger was last watched, and how many differences there were."""


@dataclass(slots=True)
class Outcome:
    """How much was checked, the first differences of each check, and the seconds it took."""

    wallets: int = 0
    transactions: int = 0
    postings: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        if self.differences:
            return f"The ledger differs. {self.differences[0]}"
        return (
            f"The ledger agrees: {self.wallets} wallets, {self.transactions} transactions,"
            f" {self.postings} postings in {self.seconds:.1f} s."
        )


def verify(*, shown: int = SHOWN) -> Outcome:
    """
    Run every check on one snapshot, keeping the first `shown` differences of each.

    Writers are not held up. Inside a caller's database transaction it sees what that sees.
    """
    began = time.perf_counter()
    outcome = Outcome()
    with snapshot(read_only=False), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        for statement in (FORGET, MOVED, LOOK):
            cursor.execute(statement)
        cursor.execute(COUNTS)
        outcome.wallets, outcome.transactions, outcome.postings = cursor.fetchone()
        outcome.differences = [found for name in CHECKS for found in _found(name, shown)]
    outcome.seconds = time.perf_counter() - began
    return outcome


def watch(*, now: datetime) -> Outcome:
    """
    Verify, and tell of a difference: an error in the log, a message to who sees every estate.

    The message is owed once a local day, however often the ledger is verified.
    """
    outcome = verify()
    with suppress(RedisError):
        cache.set(LAST_OUTCOME, (now, len(outcome.differences)), None)
    if not outcome.differences:
        log.info("%s", outcome)
        return outcome
    log.error("%s (%s differences shown)", outcome, len(outcome.differences))
    event = Notification.Event.LEDGER_DIFFERENCE
    message = Message(
        event=event,
        subject_key="ledger",
        once_key=f"{event}:{local_day(now)}",
        text=f"{outcome} `manage.py verify_ledger` prints all that differs.",
    )
    outbox.enqueue([message], now=now)
    return outcome


def _found(name: str, shown: int) -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(CHECKS[name] + f"LIMIT {shown:d}")
        for (words,) in cursor:
            yield Difference(name, words)
