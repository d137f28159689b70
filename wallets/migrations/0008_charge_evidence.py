from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("wallets", "0007_suspense")]

    operations = [
        migrations.AddField("bill", "charged_to", models.DateTimeField(null=True)),
        # Null says of a bill that stands already that its charges did not tell yet.
        migrations.AddField("bill", "charged_consumption", models.BigIntegerField(null=True)),
        migrations.AlterField(
            "bill", "charged_consumption", models.BigIntegerField(default=0, null=True)
        ),
        migrations.AddField("charge", "evidence", models.JSONField(default=dict)),
    ]
