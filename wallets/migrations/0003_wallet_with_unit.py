"""Every unit has its wallet from the first moment: the database opens it with the unit."""

from django.db import migrations

OPEN = """
CREATE FUNCTION open_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallets_wallet (unit_id, available, electricity, water, solar, arrears, sequence,
                                is_suspended)
    VALUES (NEW.id, 0, 0, 0, 0, 0, 0, false);
    RETURN NEW;
END $$;

CREATE TRIGGER wallet_with_unit AFTER INSERT ON units_unit
    FOR EACH ROW EXECUTE FUNCTION open_wallet();
"""

UNDO = """
DROP TRIGGER wallet_with_unit ON units_unit;
DROP FUNCTION open_wallet();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0002_ledger_guards"), ("units", "0001_initial")]

    operations = [migrations.RunSQL(OPEN, UNDO)]
