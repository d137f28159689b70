"""
The ledger in the database: who writes a transaction moves its wallet, and nothing else does.

* `ledger_carry_wallets`, after each insert of transactions, adds their postings to the wallets
  they continue. A transaction that does not begin where its wallet stands, that says other
  balances than its postings make, that has none or unsound ones, or that is one of two of a
  wallet in one statement is refused.
* Whatever else would change a wallet's pockets or its number is refused.
* `ledger_post` posts one entry, `ledger_post_many` thousands in one statement, by the same rules
  (`wallets.pockets.Flow`): the wallets are locked first, in primary-key order, and read by the
  statement after that, for what a statement reads before it waited for a lock is stale.

A key is looked for before anything moves, and its unique index refuses what comes in between: to
move the wallet first and leave out the insert would pay twice.

The plans are made once and for one row (`plan_cache_mode`, no hash joins): the same functions
serve one row and thousands, and a plan made for one of them must not be bad for the other.
"""

from django.db import migrations

CARRY = """
CREATE FUNCTION ledger_carry_wallets() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    carried bigint;
    wrong bigint;
BEGIN
    UPDATE wallets_wallet AS wallet
    SET sequence = one.sequence,
        available = wallet.available + one.available,
        electricity = wallet.electricity + one.electricity,
        water = wallet.water + one.water,
        solar = wallet.solar + one.solar,
        arrears = wallet.arrears + one.arrears,
        updated_at = statement_timestamp()
    FROM (
        SELECT added.wallet_id, added.sequence, added.balance_before, added.balance_after,
            added.arrears_after, posted.*
        FROM added
        CROSS JOIN LATERAL (
            SELECT
                bool_and(coalesce(debit <> credit AND amount > 0, false)) AS is_sound,
                coalesce(sum(CASE 1 WHEN credit THEN amount WHEN debit THEN -amount END), 0)
                    AS available,
                coalesce(sum(CASE 2 WHEN credit THEN amount WHEN debit THEN -amount END), 0)
                    AS electricity,
                coalesce(sum(CASE 3 WHEN credit THEN amount WHEN debit THEN -amount END), 0)
                    AS water,
                coalesce(sum(CASE 4 WHEN credit THEN amount WHEN debit THEN -amount END), 0)
                    AS solar,
                coalesce(sum(CASE 9 WHEN debit THEN amount WHEN credit THEN -amount END), 0)
                    AS arrears
            FROM unnest(added.debits, added.credits, added.amounts)
                AS posting (debit, credit, amount)
        ) AS posted
    ) AS one
    WHERE wallet.id = one.wallet_id
        AND wallet.sequence = one.sequence - 1
        AND one.is_sound
        AND one.balance_before = wallet.balance
        AND one.balance_after
            = wallet.balance + one.available + one.electricity + one.water + one.solar
        AND one.arrears_after = wallet.arrears + one.arrears;
    GET DIAGNOSTICS carried = ROW_COUNT;
    IF carried <> (SELECT count(*) FROM added) THEN
        SELECT min(added.number) INTO wrong
        FROM added LEFT JOIN wallets_wallet AS wallet
            ON wallet.id = added.wallet_id AND wallet.sequence = added.sequence
        WHERE wallet.id IS NULL;
        RAISE EXCEPTION 'Transaction % does not continue its wallet as its postings do', wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transaction_continues_wallet',
                HINT = 'Post by the ledger, one transaction of a wallet in a statement.';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER carries_wallets AFTER INSERT ON wallets_transaction
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_carry_wallets();
"""

# `pg_trigger_depth` is zero outside of triggers; within, it is `ledger_carry_wallets` that moves.
ALONE = """
CREATE FUNCTION ledger_refuse_pockets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.sequence, NEW.available, NEW.electricity, NEW.water, NEW.solar, NEW.arrears)
        <> (OLD.sequence, OLD.available, OLD.electricity, OLD.water, OLD.solar, OLD.arrears) THEN
        RAISE EXCEPTION 'Wallet % does not change but by its postings', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_by_postings_alone',
                HINT = 'Money moves by postings alone.';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER by_postings_alone
    BEFORE UPDATE OF sequence, available, electricity, water, solar, arrears ON wallets_wallet
    FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_refuse_pockets();

CREATE FUNCTION ledger_keep_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Wallet % has transactions', OLD.id
        USING ERRCODE = 'foreign_key_violation', HINT = 'Archive its unit instead.';
END $$;

CREATE TRIGGER keeps_history BEFORE DELETE ON wallets_wallet
    FOR EACH ROW WHEN (OLD.sequence > 0) EXECUTE FUNCTION ledger_keep_wallet();

-- What the database does by itself is no person's change: it need not be looked at.
DROP TRIGGER audited ON wallets_wallet;
CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON wallets_wallet
    FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION audit_change('updated_at', 'available', 'electricity', 'water', 'solar',
        'arrears', 'balance', 'sequence');
"""

POST = """
CREATE FUNCTION ledger_post(
    p_wallet uuid, p_kind text, p_utility text, p_amount numeric, p_method text,
    p_reference text, p_reason text, p_metadata jsonb, p_key text, p_digest text,
    p_reverses uuid, p_actor uuid, p_occurred_at timestamptz,
    p_refuse_suspended boolean, p_refuse_closed boolean, p_above_debts boolean,
    p_total numeric, p_pays_in boolean, p_counter smallint, p_steps smallint[],
    p_bounded boolean[], p_cap numeric,
    p_debits smallint[], p_credits smallint[], p_amounts numeric[],
    OUT refusal text, OUT id uuid, OUT number bigint, OUT estate_id uuid, OUT sequence bigint,
    OUT balance_before numeric, OUT balance_after numeric, OUT arrears_after numeric,
    OUT recorded_at timestamptz, OUT debits smallint[], OUT credits smallint[],
    OUT amounts numeric[]
) LANGUAGE plpgsql
    SET lock_timeout = '3s' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    held record;
    pockets numeric[];
    account smallint;
    rest numeric := p_total;
    share numeric;
    place int;
BEGIN
    SELECT wallet.sequence, wallet.balance, wallet.available, wallet.electricity, wallet.water,
        wallet.solar, wallet.arrears, wallet.is_suspended, unit.estate_id,
        coalesce(unit.deleted_at, estate.deleted_at) AS closed_at
    INTO STRICT held
    FROM wallets_wallet AS wallet
    JOIN units_unit AS unit ON unit.id = wallet.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
    WHERE wallet.id = p_wallet FOR NO KEY UPDATE OF wallet;

    refusal := CASE
        WHEN p_key IS NOT NULL AND EXISTS (
            SELECT FROM wallets_transaction AS earlier WHERE earlier.idempotency_key = p_key
        ) THEN 'replayed'
        WHEN p_reverses IS NOT NULL AND EXISTS (
            SELECT FROM wallets_transaction AS earlier WHERE earlier.reverses_id = p_reverses
        ) THEN 'reversed'
        WHEN p_refuse_suspended AND held.is_suspended THEN 'suspended'
        WHEN p_refuse_closed AND held.closed_at IS NOT NULL THEN 'closed'
        WHEN p_above_debts
            AND held.available - held.arrears - greatest(-held.water, 0) < p_total
            THEN 'insufficient'
    END;
    IF refusal IS NOT NULL THEN
        RETURN;
    END IF;

    -- The accounts of a wallet are 1 to 4 and 9, which grows by debits: `Account`.
    pockets := ARRAY[held.available, held.electricity, held.water, held.solar,
        NULL, NULL, NULL, NULL, held.arrears];
    debits := '{}'; credits := '{}'; amounts := '{}';
    FOR step IN 1 .. cardinality(p_steps) LOOP
        account := p_steps[step];
        share := rest;
        IF p_bounded[step] THEN
            share := least(rest, greatest(0, CASE
                WHEN NOT p_pays_in THEN pockets[account]
                WHEN account = 3 THEN -held.water
                ELSE least(held.arrears, p_cap)
            END));
        END IF;
        rest := rest - share;
        place := array_position(CASE WHEN p_pays_in THEN credits ELSE debits END, account);
        IF place IS NOT NULL THEN
            amounts[place] := amounts[place] + share;
        ELSIF share > 0 THEN
            debits := debits || CASE WHEN p_pays_in THEN p_counter ELSE account END;
            credits := credits || CASE WHEN p_pays_in THEN account ELSE p_counter END;
            amounts := amounts || share;
        END IF;
    END LOOP;
    debits := debits || p_debits; credits := credits || p_credits; amounts := amounts || p_amounts;

    FOR line IN 1 .. cardinality(amounts) LOOP
        account := debits[line];
        IF account <= 4 THEN pockets[account] := pockets[account] - amounts[line];
        ELSIF account = 9 THEN pockets[9] := pockets[9] + amounts[line]; END IF;
        account := credits[line];
        IF account <= 4 THEN pockets[account] := pockets[account] + amounts[line];
        ELSIF account = 9 THEN pockets[9] := pockets[9] - amounts[line]; END IF;
    END LOOP;
    IF least(pockets[1], pockets[2], pockets[4], pockets[9]) < 0 THEN
        refusal := 'insufficient';
        RETURN;
    END IF;

    estate_id := held.estate_id;
    balance_before := held.balance;
    balance_after := pockets[1] + pockets[2] + pockets[3] + pockets[4];
    arrears_after := pockets[9];
    INSERT INTO wallets_transaction AS made (
        wallet_id, estate_id, sequence, kind, utility, amount, balance_before, balance_after,
        arrears_after, payment_method, reference, reason, metadata, idempotency_key,
        request_digest, reverses_id, actor_id, occurred_at, debits, credits, amounts
    ) VALUES (
        p_wallet, held.estate_id, held.sequence + 1, p_kind, p_utility, p_amount, held.balance,
        ledger_post.balance_after, ledger_post.arrears_after, p_method, p_reference, p_reason,
        p_metadata, p_key, p_digest, p_reverses, p_actor, p_occurred_at,
        ledger_post.debits, ledger_post.credits, ledger_post.amounts
    )
    RETURNING made.id, made.number, made.sequence, made.recorded_at
    INTO STRICT id, number, sequence, recorded_at;
END $$;
"""

POST_MANY = """
CREATE FUNCTION ledger_post_many(
    p_wallets uuid[], p_amounts numeric[], p_onward numeric[], p_caps numeric[],
    p_keys text[], p_digests text[],
    p_kind text, p_utility text, p_method text, p_reference text, p_reason text, p_actor uuid,
    p_occurred_at timestamptz, p_refuse_suspended boolean, p_refuse_closed boolean,
    p_pays_in boolean, p_counter smallint, p_steps smallint[], p_bounded boolean[],
    p_onward_debit smallint, p_onward_credit smallint
) RETURNS TABLE (wallet_id uuid, id uuid) LANGUAGE plpgsql
    SET lock_timeout = '3s' SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM FROM unnest(p_wallets) AS asked (id)
    JOIN wallets_wallet AS wallet ON wallet.id = asked.id
    ORDER BY wallet.id FOR NO KEY UPDATE OF wallet;

    RETURN QUERY
    -- How much a bounded account gives or takes at most.
    WITH held AS MATERIALIZED (
        SELECT wallet.id, unit.estate_id, wallet.sequence, wallet.balance, wallet.arrears,
            asked.amount, abs(asked.amount) AS total, asked.onward, asked.key, asked.digest,
            greatest(0, CASE WHEN p_pays_in
                THEN CASE p_steps[1] WHEN 3 THEN -wallet.water ELSE least(wallet.arrears, asked.cap)
                    END
                ELSE CASE p_steps[1] WHEN 1 THEN wallet.available WHEN 2 THEN wallet.electricity
                    WHEN 3 THEN wallet.water WHEN 4 THEN wallet.solar END
            END) AS room_1,
            greatest(0, CASE WHEN p_pays_in
                THEN CASE p_steps[2] WHEN 3 THEN -wallet.water ELSE least(wallet.arrears, asked.cap)
                    END
                ELSE CASE p_steps[2] WHEN 1 THEN wallet.available WHEN 2 THEN wallet.electricity
                    WHEN 3 THEN wallet.water WHEN 4 THEN wallet.solar END
            END) AS room_2
        FROM unnest(p_wallets, p_amounts, p_onward, p_caps, p_keys, p_digests)
            AS asked (id, amount, onward, cap, key, digest)
        JOIN wallets_wallet AS wallet ON wallet.id = asked.id
        JOIN units_unit AS unit ON unit.id = wallet.unit_id
        JOIN estates_estate AS estate ON estate.id = unit.estate_id
        WHERE NOT (p_refuse_suspended AND wallet.is_suspended)
            AND NOT (p_refuse_closed AND coalesce(unit.deleted_at, estate.deleted_at) IS NOT NULL)
            AND (asked.key IS NULL OR NOT EXISTS (
                SELECT FROM wallets_transaction AS earlier
                WHERE earlier.idempotency_key = asked.key
            ))
    ), first AS MATERIALIZED (
        SELECT held.*, CASE WHEN p_bounded[1] THEN least(total, room_1) ELSE total END AS share_1
        FROM held
    ), second AS MATERIALIZED (
        SELECT first.*, CASE WHEN p_bounded[2] THEN least(total - share_1, room_2)
            ELSE total - share_1 END AS share_2
        FROM first
    ), shared AS (
        -- A third account that is the first one again (water) is one posting with it.
        SELECT second.*,
            CASE WHEN p_steps[3] = p_steps[1] AND share_1 > 0 THEN total - share_2
                ELSE share_1 END AS part_1,
            share_2 AS part_2,
            CASE WHEN p_steps[3] = p_steps[1] AND share_1 > 0 THEN 0
                ELSE total - share_1 - share_2 END AS part_3
        FROM second
    ), lines AS MATERIALIZED (
        SELECT shared.*,
            array_remove(ARRAY[
                CASE WHEN part_1 > 0 THEN p_steps[1] END, CASE WHEN part_2 > 0 THEN p_steps[2] END,
                CASE WHEN part_3 > 0 THEN p_steps[3] END], NULL) AS taps,
            array_remove(ARRAY[
                CASE WHEN part_1 > 0 THEN p_counter END, CASE WHEN part_2 > 0 THEN p_counter END,
                CASE WHEN part_3 > 0 THEN p_counter END], NULL) AS counters,
            array_remove(ARRAY[nullif(part_1, 0), nullif(part_2, 0), nullif(part_3, 0),
                nullif(abs(onward), 0)], NULL) AS moved
        FROM shared
    ), postings AS (
        SELECT lines.*,
            CASE WHEN p_pays_in THEN counters ELSE taps END || array_remove(ARRAY[CASE
                WHEN onward > 0 THEN p_onward_debit WHEN onward < 0 THEN p_onward_credit END], NULL)
                AS debited,
            CASE WHEN p_pays_in THEN taps ELSE counters END || array_remove(ARRAY[CASE
                WHEN onward > 0 THEN p_onward_credit WHEN onward < 0 THEN p_onward_debit END], NULL)
                AS credited,
            -- What enters the wallet's pockets, and what leaves its arrears.
            CASE WHEN p_pays_in THEN 1 ELSE -1 END * (
                CASE WHEN p_steps[1] <= 4 THEN part_1 ELSE 0 END
                + CASE WHEN p_steps[2] <= 4 THEN part_2 ELSE 0 END
                + CASE WHEN p_steps[3] <= 4 THEN part_3 ELSE 0 END
                - CASE WHEN p_counter <= 4 THEN total ELSE 0 END) AS gained,
            CASE WHEN p_pays_in THEN -1 ELSE 1 END * (
                CASE WHEN p_steps[1] = 9 THEN part_1 ELSE 0 END
                + CASE WHEN p_steps[2] = 9 THEN part_2 ELSE 0 END
                + CASE WHEN p_steps[3] = 9 THEN part_3 ELSE 0 END) AS owed
        FROM lines
    )
    INSERT INTO wallets_transaction AS made (
        wallet_id, estate_id, sequence, kind, utility, amount, balance_before, balance_after,
        arrears_after, payment_method, reference, reason, metadata, idempotency_key,
        request_digest, actor_id, occurred_at, debits, credits, amounts
    )
    SELECT one.id, one.estate_id, one.sequence + 1, p_kind, p_utility, one.amount, one.balance,
        one.balance + one.gained, one.arrears + one.owed, p_method, p_reference,
        p_reason, '{}', one.key, coalesce(one.digest, ''), p_actor, p_occurred_at,
        one.debited, one.credited, one.moved
    FROM postings AS one
    ORDER BY one.id
    RETURNING made.wallet_id, made.id;
END $$;
"""

UNDO = """
DROP FUNCTION ledger_post_many;
DROP FUNCTION ledger_post;
DROP TRIGGER keeps_history ON wallets_wallet;
DROP TRIGGER by_postings_alone ON wallets_wallet;
DROP TRIGGER carries_wallets ON wallets_transaction;
DROP FUNCTION ledger_keep_wallet();
DROP FUNCTION ledger_refuse_pockets();
DROP FUNCTION ledger_carry_wallets();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0011_postings_within_transactions")]

    operations = [migrations.RunSQL(CARRY + ALONE + POST + POST_MANY, UNDO)]
