import django.db.models.deletion
from django.db import migrations, models

# Updated with every batch of readings: a row's next version fits beside it.
ADD_UP = """
ALTER TABLE meters_monthrevision SET (fillfactor = 50);
INSERT INTO meters_monthrevision (meter_id, channel, month, revision)
SELECT meter_id, channel, date_trunc('month', day)::date, sum(revision)
FROM meters_dailyconsumption GROUP BY 1, 2, 3;
"""


class Migration(migrations.Migration):
    dependencies = [("meters", "0007_events_and_gaps")]

    operations = [
        migrations.CreateModel(
            name="MonthRevision",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "meter", "channel", "month", blank=True, editable=False,
                        primary_key=True, serialize=False,
                    ),
                ),
                (
                    "channel",
                    models.PositiveSmallIntegerField(
                        choices=[(1, "Active energy import"), (2, "Active energy export"),
                                 (3, "Volume")]
                    ),
                ),
                ("month", models.DateField(help_text="The first day of the local month.")),
                ("revision", models.BigIntegerField()),
                (
                    "meter",
                    models.ForeignKey(
                        "meters.meter", on_delete=django.db.models.deletion.PROTECT,
                        related_name="+", db_index=False,
                    ),
                ),
            ],
        ),
        migrations.RunSQL(ADD_UP, migrations.RunSQL.noop),
    ]
