from django.db import migrations

from accounts.audit import watch


class Migration(migrations.Migration):
    dependencies = [("units", "0001_initial"), ("accounts", "0002_audit_trail")]

    operations = [
        watch("units_unit"),
        watch("units_resident"),
        watch("units_occupancy"),
    ]
