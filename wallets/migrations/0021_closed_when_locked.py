"""
A post that waited for its wallet sees whether the unit was deleted meanwhile.

A row that is locked is read anew once the lock is there, what is joined to it is not: whether the
unit stands is asked by a statement of its own, after the lock.
"""

from importlib import import_module

from django.db import migrations

FIRST = import_module("wallets.migrations.0012_ledger_functions").POST
JOINED = """wallet.solar, wallet.arrears, wallet.is_suspended, unit.estate_id,
        coalesce(unit.deleted_at, estate.deleted_at) AS closed_at
    INTO STRICT held
    FROM wallets_wallet AS wallet
    JOIN units_unit AS unit ON unit.id = wallet.unit_id
    JOIN estates_estate AS estate ON estate.id = unit.estate_id
"""
LOCKED = """wallet.solar, wallet.arrears, wallet.is_suspended, unit.estate_id, wallet.unit_id
    INTO STRICT held
    FROM wallets_wallet AS wallet
    JOIN units_unit AS unit ON unit.id = wallet.unit_id
"""
AS_JOINED = "WHEN p_refuse_closed AND held.closed_at IS NOT NULL THEN 'closed'"
AS_LOCKED = """WHEN p_refuse_closed AND EXISTS (
            SELECT FROM units_unit AS unit JOIN estates_estate AS estate ON estate.id = unit.estate_id
            WHERE unit.id = held.unit_id
                AND coalesce(unit.deleted_at, estate.deleted_at) IS NOT NULL
        ) THEN 'closed'"""

BEFORE = FIRST.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
AFTER = BEFORE.replace(JOINED, LOCKED).replace(AS_JOINED, AS_LOCKED)


class Migration(migrations.Migration):
    dependencies = [("wallets", "0020_continuations")]

    operations = [migrations.RunSQL(AFTER, BEFORE)]
