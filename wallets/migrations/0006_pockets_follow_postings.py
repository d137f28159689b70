"""
What a wallet holds is what its postings make of it, checked as it is written.

The ledger writes transactions, then their postings, then the wallets; each is held to that order:

* a transaction or posting that comes after its wallet was carried past it is refused;
* a wallet that changes must change by exactly the postings of the transactions it counts anew,
  pocket by pocket, and these must begin where it stood, one after another, each with postings;
* at commit no transaction may stand that its wallet does not count.

The checks see the rows of a statement at once and ask by index alone, so they cost what is
touched and never what happened before. Billing 1,000 charges took 0.98 s with them and 0.86 s
without (13 % more), posting 1,000 entries alone 0.30 s and 0.25 s; medians of ten runs each.
"""

from django.db import migrations

IN_ORDER = """
CREATE FUNCTION ledger_in_order() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE late text;
BEGIN
    IF TG_TABLE_NAME = 'wallets_transaction' THEN
        SELECT 'Transaction ' || added.number INTO late
        FROM added JOIN wallets_wallet AS wallet ON wallet.id = added.wallet_id
        WHERE added.sequence <= wallet.sequence LIMIT 1;
    ELSE
        SELECT 'A posting of transaction ' || one.number INTO late
        FROM added
        JOIN wallets_transaction AS one ON one.id = added.transaction_id
        JOIN wallets_wallet AS wallet ON wallet.id = one.wallet_id
        WHERE one.sequence <= wallet.sequence LIMIT 1;
    END IF;
    IF late IS NOT NULL THEN
        RAISE EXCEPTION '% comes after its wallet was carried forward', late
            USING ERRCODE = 'check_violation', HINT = 'Post a new transaction.';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER in_order AFTER INSERT ON wallets_transaction
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_in_order();
CREATE TRIGGER in_order AFTER INSERT ON wallets_posting
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_in_order();
"""

# The accounts are those of `Account`: 1 to 4 the pockets, 9 the arrears (they grow by debits).
FOLLOWS = """
CREATE FUNCTION wallet_follows_postings() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE wrong text;
BEGIN
    WITH changed AS (
        SELECT wallet.id, former.sequence AS first, wallet.sequence AS last,
            former.balance AS held, former.arrears AS owed,
            ARRAY[wallet.available - former.available, wallet.electricity - former.electricity,
                wallet.water - former.water, wallet.solar - former.solar,
                wallet.arrears - former.arrears] AS change
        FROM after AS wallet JOIN before AS former ON former.id = wallet.id
        WHERE (wallet.sequence, wallet.available, wallet.electricity, wallet.water, wallet.solar,
                wallet.arrears)
            <> (former.sequence, former.available, former.electricity, former.water,
                former.solar, former.arrears)
    ), moved AS (
        SELECT one.number, one.wallet_id, one.sequence, changed.held, changed.owed,
            one.balance_before, one.balance_after, one.arrears_after, posted.*
        FROM changed
        JOIN wallets_transaction AS one ON one.wallet_id = changed.id
            AND one.sequence > changed.first AND one.sequence <= changed.last
        CROSS JOIN LATERAL (
            SELECT count(*) AS lines,
                coalesce(sum(CASE 1 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS p1,
                coalesce(sum(CASE 2 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS p2,
                coalesce(sum(CASE 3 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS p3,
                coalesce(sum(CASE 4 WHEN credit THEN amount WHEN debit THEN -amount END), 0) AS p4,
                coalesce(sum(CASE 9 WHEN debit THEN amount WHEN credit THEN -amount END), 0) AS p9
            FROM wallets_posting WHERE transaction_id = one.id
        ) AS posted
    ), chained AS (
        SELECT moved.*, lag(balance_after, 1, held) OVER earlier AS balance,
            lag(arrears_after, 1, owed) OVER earlier AS arrears
        FROM moved WINDOW earlier AS (PARTITION BY wallet_id ORDER BY sequence)
    ), summed AS (
        SELECT wallet_id, count(*), ARRAY[sum(p1), sum(p2), sum(p3), sum(p4), sum(p9)] AS change
        FROM moved GROUP BY wallet_id
    )
    SELECT what INTO wrong FROM (
        SELECT format('Transaction %s has no postings', number) FROM chained WHERE lines = 0
        UNION ALL
        SELECT format('Transaction %s does not move its wallet as its postings do', number)
        FROM chained
        WHERE (balance_before, balance_after, arrears_after)
            <> (balance, balance + p1 + p2 + p3 + p4, arrears + p9)
        UNION ALL
        SELECT format('Wallet %s does not change as its postings do', changed.id)
        FROM changed LEFT JOIN summed ON summed.wallet_id = changed.id
        WHERE changed.change <> coalesce(summed.change, ARRAY[0, 0, 0, 0, 0]::numeric[])
            OR changed.last - changed.first <> coalesce(summed.count, 0)
    ) AS differs (what) LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION '%', wrong USING ERRCODE = 'check_violation',
            HINT = 'Money moves by postings alone.';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER follows_postings AFTER UPDATE ON wallets_wallet
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION wallet_follows_postings();
"""

EMPTY_AT_FIRST = """
CREATE FUNCTION wallet_begins_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Wallet % does not begin empty', NEW.id USING ERRCODE = 'check_violation',
        HINT = 'Money moves by postings alone.';
END $$;

CREATE TRIGGER begins_empty AFTER INSERT ON wallets_wallet FOR EACH ROW
    WHEN ((NEW.sequence, NEW.available, NEW.electricity, NEW.water, NEW.solar, NEW.arrears)
        <> (0, 0, 0, 0, 0, 0))
    EXECUTE FUNCTION wallet_begins_empty();
"""

COUNTED = """
CREATE FUNCTION transaction_is_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM wallets_wallet
                   WHERE id = NEW.wallet_id AND sequence >= NEW.sequence) THEN
        RAISE EXCEPTION 'Transaction % is not counted by its wallet', NEW.number
            USING ERRCODE = 'check_violation', HINT = 'Money moves by postings alone.';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER counted AFTER INSERT ON wallets_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transaction_is_counted();
"""

UNDO = """
DROP TRIGGER counted ON wallets_transaction;
DROP TRIGGER begins_empty ON wallets_wallet;
DROP TRIGGER follows_postings ON wallets_wallet;
DROP TRIGGER in_order ON wallets_posting;
DROP TRIGGER in_order ON wallets_transaction;
DROP FUNCTION transaction_is_counted();
DROP FUNCTION wallet_begins_empty();
DROP FUNCTION wallet_follows_postings();
DROP FUNCTION ledger_in_order();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0005_adjustment_proposals")]

    operations = [migrations.RunSQL(IN_ORDER + FOLLOWS + EMPTY_AT_FIRST + COUNTED, UNDO)]
