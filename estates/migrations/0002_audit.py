from django.db import migrations

from accounts.audit import watch


class Migration(migrations.Migration):
    dependencies = [("estates", "0001_initial"), ("accounts", "0002_audit_trail")]

    operations = [
        watch("estates_estate"),
        watch("estates_estatesettings"),
        watch("estates_membership"),
    ]
