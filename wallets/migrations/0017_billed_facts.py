from django.db import migrations, models

# What bills were priced with was told by a comparison of instants until now.
PRICED = """
UPDATE wallets_bill SET rates = state.digest
FROM (
    SELECT bit_xor(uuid_hash_extended(id, (extract(epoch FROM updated_at) * 1000000)::bigint))
        AS digest, max(updated_at) AS newest
    FROM (SELECT id, updated_at FROM rates_assignment
        UNION ALL SELECT id, updated_at FROM rates_ratetableversion) AS rates
) AS state
WHERE wallets_bill.updated_at >= state.newest;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0016_month_closings"),
        ("meters", "0008_month_revisions"),
        ("rates", "0006_reference_table"),
    ]

    operations = [
        migrations.AddField("bill", "rates", models.BigIntegerField(null=True)),
        migrations.RunSQL(PRICED, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="BilledFacts",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.CharField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(id=1), name="one_row_of_billed_facts"
                    )
                ],
            },
        ),
    ]
