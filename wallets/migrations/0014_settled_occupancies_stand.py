"""Whose account was settled up to a day has lived there up to that day: the dates stand."""

from django.db import migrations

STANDS = """
CREATE FUNCTION settled_occupancy_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM wallets_settlement WHERE occupancy_id = NEW.id) THEN
        RAISE EXCEPTION 'The occupancy was settled: its days stand'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'settled_occupancy_stands',
                HINT = 'Add another occupancy for further days.';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER settled_stands BEFORE UPDATE OF unit_id, resident_id, starts_on, ends_on
    ON units_occupancy FOR EACH ROW
    WHEN ((OLD.unit_id, OLD.resident_id, OLD.starts_on, OLD.ends_on)
        IS DISTINCT FROM (NEW.unit_id, NEW.resident_id, NEW.starts_on, NEW.ends_on))
    EXECUTE FUNCTION settled_occupancy_stands();
"""

UNDO = """
DROP TRIGGER settled_stands ON units_occupancy;
DROP FUNCTION settled_occupancy_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0013_settlements"), ("units", "0002_audit")]

    operations = [migrations.RunSQL(STANDS, UNDO)]
