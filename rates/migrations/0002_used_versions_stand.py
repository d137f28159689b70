"""A rate-table version that priced a bill keeps its prices: the database refuses to edit them."""

from django.db import migrations

GUARD = """
CREATE FUNCTION refuse_used_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.components IS DISTINCT FROM NEW.components
       OR OLD.effective_from IS DISTINCT FROM NEW.effective_from
       OR OLD.rate_table_id IS DISTINCT FROM NEW.rate_table_id
       OR NEW.used_at IS NULL THEN
        RAISE EXCEPTION 'this rate-table version has priced a bill: add the next version instead'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER used_version_stands BEFORE UPDATE OR DELETE ON rates_ratetableversion
    FOR EACH ROW WHEN (OLD.used_at IS NOT NULL) EXECUTE FUNCTION refuse_used_version();
"""

UNDO = """
DROP TRIGGER used_version_stands ON rates_ratetableversion;
DROP FUNCTION refuse_used_version();
"""


class Migration(migrations.Migration):
    dependencies = [("rates", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, UNDO)]
