from django.db import migrations

from accounts.audit import watch


class Migration(migrations.Migration):
    dependencies = [("rates", "0002_used_versions_stand"), ("accounts", "0002_audit_trail")]

    operations = [
        watch("rates_ratetable"),
        watch("rates_ratetableversion", ignoring=("used_at",)),
        watch("rates_assignment"),
        watch("rates_tariffcalendar"),
    ]
