"""A ledger of any size for the benchmarks, written past the triggers, that agrees with itself."""

from django.db import connection, transaction

from estates.models import Estate

# Round by round over all wallets, as billing runs do. The first round pays in what the charges
# of R23.00 (R3.00 of it VAT) take out again.
TRANSACTIONS = """
INSERT INTO wallets_transaction (id, wallet_id, estate_id, sequence, kind, utility, amount,
    balance_before, balance_after, arrears_after, payment_method, reference, reason, metadata,
    request_digest, occurred_at, debits, credits, amounts)
SELECT uuidv7(), wallet.id, unit.estate_id, round,
    CASE round WHEN 1 THEN 'topup' ELSE 'consumption_electricity' END, '',
    CASE round WHEN 1 THEN 23 * (%(rounds)s - 1) ELSE 23 END,
    CASE round WHEN 1 THEN 0 ELSE 23 * (%(rounds)s - round + 1) END,
    23 * (%(rounds)s - round), 0, 'system', '', '', '{}', '', now(),
    CASE round WHEN 1 THEN ARRAY[20] ELSE ARRAY[1, 30] END,
    CASE round WHEN 1 THEN ARRAY[1] ELSE ARRAY[30, 40] END,
    CASE round WHEN 1 THEN ARRAY[23 * (%(rounds)s - 1)] ELSE ARRAY[23, 3] END
FROM generate_series(1, %(rounds)s) AS round
CROSS JOIN wallets_wallet AS wallet JOIN units_unit AS unit ON unit.id = wallet.unit_id
WHERE unit.estate_id = %(estate)s
ORDER BY round, wallet.id
"""

WALLETS = """
UPDATE wallets_wallet SET sequence = %(rounds)s
WHERE unit_id IN (SELECT id FROM units_unit WHERE estate_id = %(estate)s)
"""


@transaction.atomic
def fill(estate: Estate, postings: int) -> int:
    """
    Give an estate's new wallets about so many postings between them; how many they are.

    The triggers would look at every row of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM wallets_wallet WHERE unit_id IN"
            " (SELECT id FROM units_unit WHERE estate_id = %s)",
            [estate.pk],
        )
        (wallets,) = cursor.fetchone()
        rounds = postings // (2 * wallets) + 1
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (TRANSACTIONS, WALLETS):
            cursor.execute(statement, {"estate": estate.pk, "rounds": rounds})
    return int(wallets * (2 * rounds - 1))
