from django.db import migrations

from accounts.audit import watch

# What was heard is a fact; old facts may go, after at least thirty days.
STAND = """
CREATE FUNCTION uplink_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF old.heard_at > now() - interval '30 days' THEN
            RAISE EXCEPTION 'An uplink is kept for at least 30 days.'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN old;
    END IF;
    RAISE EXCEPTION 'What was heard of a device is not changed.'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER uplink_is_kept BEFORE DELETE ON meters_uplink
    FOR EACH ROW EXECUTE FUNCTION uplink_stands();
CREATE TRIGGER uplink_stands BEFORE UPDATE ON meters_uplink
    FOR EACH ROW WHEN (
        (old.device_id, old.deduplication_id, old.session, old.frame_counter, old.port,
         old.payload, old.heard_at, old.created_at)
        IS DISTINCT FROM
        (new.device_id, new.deduplication_id, new.session, new.frame_counter, new.port,
         new.payload, new.heard_at, new.created_at)
    ) EXECUTE FUNCTION uplink_stands();
"""
UNDO = """
DROP TRIGGER uplink_stands ON meters_uplink;
DROP TRIGGER uplink_is_kept ON meters_uplink;
DROP FUNCTION uplink_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("meters", "0005_lorawan"), ("accounts", "0002_audit_trail")]

    operations = [
        migrations.RunSQL(STAND, UNDO),
        watch(
            "meters_networkserver",
            ignoring=(
                "secret_digest", "previous_digest", "last_event_at", "last_problem",
            ),
        ),
        watch(
            "meters_loradevice",
            ignoring=(
                "name", "profile", "session", "address", "frame_counter", "last_uplink_at",
                "battery_percent", "battery_at", "rssi", "snr", "gateway", "clock_drift_seconds",
                "is_closed", "is_closed_at", "conditions_at", "problem",
            ),
        ),
    ]
