"""
Checks of what an estate's accounts hold beside the wallets; run by `wallets.proving.verification`.

They read `ledger_moved`, which it makes: one row for each transaction with what it did.
"""

# What stands allocated is what the postings took from suspense, so what is open is its balance; a
# reversal gives back what its original took, and its release counts no longer.
SUSPENSE = """
SELECT format('T%s takes R%s from suspense, its release says R%s',
    lpad(taken.number::text, 9, '0'), taken.amount, coalesce(release.amount, 0))
FROM (
    SELECT moved.id, moved.number, moved.suspense + coalesce(back.suspense, 0) AS amount,
        back.id IS NOT NULL AS is_reversed
    FROM ledger_moved AS moved
    LEFT JOIN (SELECT * FROM ledger_moved WHERE reverses_id IS NOT NULL) AS back
        ON back.reverses_id = moved.id
    WHERE moved.reverses_id IS NULL
) AS taken
LEFT JOIN wallets_suspenserelease AS release
    ON release.transaction_id = taken.id AND NOT taken.is_reversed
WHERE taken.amount <> coalesce(release.amount, 0)
"""

RECEIPTS = """
SELECT format('Of receipt %s over R%s, R%s left suspense', receipt.id, receipt.amount, gone.amount)
FROM wallets_suspensereceipt AS receipt
JOIN (
    SELECT release.receipt_id, sum(release.amount) AS amount
    FROM wallets_suspenserelease AS release
    LEFT JOIN wallets_transaction AS reversal ON reversal.reverses_id = release.transaction_id
    WHERE reversal.id IS NULL GROUP BY 1
) AS gone ON gone.receipt_id = receipt.id
WHERE gone.amount > receipt.amount
"""

# Every closed day is summed again from what was recorded, in the zone that it was closed in.
DAYS = """
WITH recorded AS (
    SELECT one.estate_id, one.recorded_at, posting.debit, posting.credit, posting.amount
    FROM wallets_posting AS posting
    JOIN wallets_transaction AS one ON one.id = posting.transaction_id
    UNION ALL
    SELECT estate_id, recorded_at, clearing.account, 60, amount
    FROM wallets_suspensereceipt JOIN (VALUES ('eft', 20), ('card', 21), ('instant_eft', 22),
        ('cash', 23)) AS clearing (method, account) ON method = payment_method
    UNION ALL
    SELECT receipt.estate_id, release.recorded_at, 60, clearing.account, release.amount
    FROM wallets_suspenserelease AS release
    JOIN wallets_suspensereceipt AS receipt ON receipt.id = release.receipt_id
    JOIN (VALUES ('eft', 20), ('card', 21), ('instant_eft', 22),
        ('cash', 23)) AS clearing (method, account) ON method = receipt.payment_method
    WHERE release.transaction_id IS NULL
), summed AS (
    SELECT recorded.estate_id, (recorded.recorded_at AT TIME ZONE book.time_zone)::date AS day,
        side.account, sum(side.debit) AS debit, sum(side.credit) AS credit
    FROM recorded
    JOIN wallets_accountbook AS book ON book.estate_id = recorded.estate_id
    CROSS JOIN LATERAL (VALUES (recorded.debit, recorded.amount, 0),
        (recorded.credit, 0, recorded.amount)) AS side (account, debit, credit)
    WHERE (recorded.recorded_at AT TIME ZONE book.time_zone) < book.closed_to
    GROUP BY 1, 2, 3
)
SELECT format('Account %s of estate %s on %s: kept R%s and R%s, recorded R%s and R%s',
    coalesce(kept.account, summed.account), coalesce(kept.estate_id, summed.estate_id),
    coalesce(kept.day, summed.day), coalesce(kept.debit, 0), coalesce(kept.credit, 0),
    coalesce(summed.debit, 0), coalesce(summed.credit, 0))
FROM wallets_accountday AS kept
FULL JOIN summed ON (summed.estate_id, summed.day, summed.account)
    = (kept.estate_id, kept.day, kept.account)
WHERE (coalesce(kept.debit, 0), coalesce(kept.credit, 0))
    <> (coalesce(summed.debit, 0), coalesce(summed.credit, 0))
"""

# What former residents owe is what their settlements say, less what they paid since.
FORMER = """
SELECT format('T%s leaves R%s with former residents, its settlement says R%s',
    lpad(left_over.number::text, 9, '0'), left_over.amount, left_over.expected)
FROM (
    SELECT moved.number, moved.former + coalesce(back.former, 0) AS amount,
        CASE WHEN back.id IS NOT NULL THEN 0
            WHEN settlement.id IS NOT NULL THEN settlement.debt - settlement.kept
            ELSE -moved.collected END AS expected
    FROM ledger_moved AS moved
    LEFT JOIN wallets_settlement AS settlement ON settlement.transaction_id = moved.id
    LEFT JOIN (SELECT * FROM ledger_moved WHERE reverses_id IS NOT NULL) AS back
        ON back.reverses_id = moved.id
    WHERE moved.reverses_id IS NULL
) AS left_over
WHERE left_over.amount <> left_over.expected
"""

# Billing alone posts nothing to a closed month: a person posted a difference, or settled an account
# in the same database transaction.
CLOSED = """
SELECT format('T%s charges %s %s of wallet %s, which was closed', lpad(one.number::text, 9, '0'),
    bill.utility, to_char(bill.month, 'YYYY-MM'), bill.wallet_id)
FROM wallets_charge AS charge
JOIN wallets_bill AS bill ON bill.id = charge.bill_id
JOIN wallets_transaction AS one ON one.id = charge.transaction_id
JOIN (
    SELECT closed.estate_id, closed.month, min(later.sealed_at) AS sealed_at
    FROM wallets_monthclosing AS closed JOIN wallets_monthclosing AS later
        ON later.estate_id = closed.estate_id AND later.month >= closed.month
    GROUP BY closed.estate_id, closed.month
) AS closing ON closing.estate_id = one.estate_id AND closing.month = bill.month
WHERE one.recorded_at > closing.sealed_at
    AND NOT EXISTS (SELECT FROM wallets_billdifference WHERE transaction_id = one.id)
    AND NOT EXISTS (SELECT FROM wallets_settlement AS settlement
        WHERE settlement.wallet_id = bill.wallet_id AND settlement.recorded_at = one.recorded_at)
"""

DIFFERENCES = """
SELECT format('Difference %s of R%s was posted as R%s to bill %s', difference.id,
    difference.amount, charge.total_after - charge.total_before, charge.bill_id)
FROM wallets_billdifference AS difference
LEFT JOIN wallets_charge AS charge ON charge.transaction_id = difference.transaction_id
WHERE difference.state = 'posted' AND (charge.bill_id, charge.total_after - charge.total_before)
    IS DISTINCT FROM (difference.bill_id, difference.amount)
"""

# Billing finds what is stale by these sums.
REVISIONS = """
SELECT format('Meter %s, channel %s, %s: the days changed %s times, the month says %s', meter_id,
    channel, month, coalesce(days.revision, 0), coalesce(known.revision, 0))
FROM (
    SELECT meter_id, channel, date_trunc('month', day)::date AS month, sum(revision) AS revision
    FROM meters_dailyconsumption GROUP BY 1, 2, 3
) AS days
FULL JOIN meters_monthrevision AS known USING (meter_id, channel, month)
WHERE days.revision IS DISTINCT FROM known.revision
"""

CHECKS = {
    "only persons charge closed months": CLOSED,
    "posted differences are charges of their bills": DIFFERENCES,
    "what left suspense is what the postings took from it": SUSPENSE,
    "no more left suspense than was received": RECEIPTS,
    "former residents owe what their settlements say": FORMER,
    "closed days are the sums of what was recorded": DAYS,
    "months count the changes of their days": REVISIONS,
}
