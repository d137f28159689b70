import django.db.models.deletion
from django.db import migrations, models

# A foreign key looks for the meter once a row: two thirds of what storing a reading cost. Whoever
# writes these tables has locked the meter; the trigger refuses to delete it afterwards.
GUARD = """
ALTER TABLE meters_reading DROP CONSTRAINT meters_reading_meter_id_fkey;
ALTER TABLE meters_interval DROP CONSTRAINT meters_interval_meter_id_fkey;

CREATE FUNCTION meters_keep_metered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM meters_reading WHERE meter_id = old.id)
        OR EXISTS (SELECT FROM meters_interval WHERE meter_id = old.id)
    THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('Meter %s has readings or intervals.', old.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_metered AFTER DELETE OR UPDATE OF id ON meters_meter
    FOR EACH ROW EXECUTE FUNCTION meters_keep_metered();
"""
UNGUARD = """
DROP TRIGGER keep_metered ON meters_meter;
DROP FUNCTION meters_keep_metered;
ALTER TABLE meters_reading ADD FOREIGN KEY (meter_id) REFERENCES meters_meter (id);
ALTER TABLE meters_interval ADD FOREIGN KEY (meter_id) REFERENCES meters_meter (id);
"""


def of_meter(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to="meters.meter",
    )


class Migration(migrations.Migration):
    dependencies = [("meters", "0012_keys")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(GUARD, UNGUARD)],
            state_operations=[
                migrations.AlterField("reading", "meter", of_meter("readings")),
                migrations.AlterField("interval", "meter", of_meter("intervals")),
            ],
        ),
    ]
