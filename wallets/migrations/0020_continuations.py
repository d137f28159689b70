from django.db import migrations, models

# A run writes every bill of the month anew: room on its page keeps the new version beside it.
ROOM = "ALTER TABLE wallets_bill SET (fillfactor = {})"


class Migration(migrations.Migration):
    dependencies = [("wallets", "0019_search")]

    operations = [
        migrations.AddField("bill", "continues", models.JSONField(editable=False, null=True)),
        migrations.AddIndex(
            "bill",
            models.Index(
                fields=["month"],
                condition=models.Q(("problem", ""), _negated=True),
                name="bill_without_price",
            ),
        ),
        migrations.AlterField(
            "charge",
            "version",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=models.deletion.PROTECT,
                related_name="charges",
                to="rates.ratetableversion",
            ),
        ),
        migrations.AlterField("billedfacts", "digest", models.CharField(max_length=65)),
        migrations.RunSQL(ROOM.format(45), ROOM.format(70)),
    ]
