from django.db import migrations

from accounts.audit import watch


class Migration(migrations.Migration):
    dependencies = [("meters", "0001_initial"), ("accounts", "0002_audit_trail")]

    operations = [
        watch("meters_concentrator", ignoring=("communication_status", "last_contact_at", "last_error")),
        watch(
            "meters_meter",
            ignoring=(
                "communication_status", "last_contact_at", "last_reading_at", "relay_state",
                "relay_read_at", "control_mode", "clock_drift_seconds",
            ),
        ),
        watch("meters_register"),
        watch("meters_installation"),
        watch("meters_meteralert", ignoring=("last_seen_at",)),
        watch("meters_command", ignoring=("trace",)),
    ]
