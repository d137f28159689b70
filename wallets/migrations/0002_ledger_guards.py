"""
The ledger is append-only for every role: the database itself refuses to change what was posted.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_transaction
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON wallets_charge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_posting
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wallets_charge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER SEQUENCE wallets_transaction_number OWNED BY wallets_transaction.number;
ALTER TABLE wallets_wallet SET (fillfactor = 45);
ALTER TABLE wallets_bill SET (fillfactor = 70);
"""

UNDO = """
DROP TRIGGER append_only ON wallets_transaction;
DROP TRIGGER append_only ON wallets_posting;
DROP TRIGGER append_only ON wallets_charge;
DROP TRIGGER no_truncate ON wallets_transaction;
DROP TRIGGER no_truncate ON wallets_posting;
DROP TRIGGER no_truncate ON wallets_charge;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0001_initial"), ("accounts", "0002_audit_trail")]

    operations = [migrations.RunSQL(APPEND_ONLY, UNDO)]
