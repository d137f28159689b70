from django.db import migrations

from accounts.audit import watch
from notifications import first_templates


def write(apps, _):
    first_templates.write(apps.get_model("notifications", "Template"))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_audit_trail'),
        ('notifications', '0004_deliveries_templates_devices'),
    ]

    operations = [
        migrations.RunPython(write, migrations.RunPython.noop),
        watch("notifications_template"),
    ]
