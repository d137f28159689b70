"""Alerts about concentrators too, with what they cost, how often they came and who ends them."""

import django.db.models.deletion
import django.db.models.functions.comparison
from django.db import migrations, models

KINDS = [
    ("communication_loss", "Communication loss"), ("concentrator_loss", "Concentrator silent"),
    ("tamper_detected", "Tamper detected"), ("bypass", "Bypass suspected"),
    ("low_credit", "Low credit"),
    ("disconnection", "Disconnection"), ("reconnection", "Reconnection"),
    ("abnormal_usage", "Abnormal usage"), ("estimation", "Too long without readings"),
    ("meter_fault", "Meter fault"), ("clock", "Clock is wrong"), ("leak", "Leak"),
    ("burst", "Burst pipe"), ("backflow", "Backflow"), ("empty_pipe", "No water"),
    ("low_battery", "Low battery"), ("device_error", "Device error"),
]  # fmt: skip
SEVERITIES = [
    ("info", "Info"), ("warning", "Warning"), ("error", "Error"), ("critical", "Critical")
]  # fmt: skip
SOURCES = [
    ("meter", "The meter itself"), ("events", "The meter's event logs"),
    ("silence", "Nothing was heard"), ("checks", "The checks of readings"),
    ("relay", "The relay"), ("credit", "Credit control"),
]  # fmt: skip

# What was raised before is ended by who would raise it now.
FILL = """
UPDATE meters_meteralert a SET estate_id = m.estate_id,
    ended_by_itself = a.state = 'resolved' AND a.handled_by_id IS NULL,
    source = CASE
        WHEN a.kind = 'communication_loss' THEN 'silence'
        WHEN a.kind IN ('disconnection', 'reconnection', 'tamper_detected') THEN 'relay'
        WHEN a.kind = 'low_credit' THEN 'credit'
        WHEN a.kind IN ('abnormal_usage', 'meter_fault')
            OR a.kind = 'leak' AND a.message LIKE 'Water ran all through%' THEN 'checks'
        ELSE 'meter' END
FROM meters_meter m WHERE m.id = a.meter_id
"""


class Migration(migrations.Migration):
    # The constraint is dropped and the rows are filled in one go, before the new one is made.
    atomic = True

    dependencies = [
        ("estates", "0008_coordinates"),
        ("meters", "0013_series_without_row_checks"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="meteralert", name="alert_raised_once"),
        migrations.AddField(
            model_name="meteralert", name="concentrator",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts", to="meters.concentrator",
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="daily_amount",
            field=models.DecimalField(
                "rand a day", blank=True, decimal_places=2, max_digits=12, null=True
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="daily_quantity",
            field=models.BigIntegerField(
                blank=True, null=True, help_text="The Wh or litres a day that it is about."
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="ended_by_itself",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="meteralert", name="escalated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="meteralert", name="estate",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="alerts",
                to="estates.estate",
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="events",
            field=models.ManyToManyField(
                blank=True, related_name="alerts", to="meters.meterevent"
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="evidence",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="meteralert", name="source",
            field=models.CharField(choices=SOURCES, default="meter", max_length=10),
        ),
        migrations.AddField(
            model_name="meteralert", name="times",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="meteralert", name="told_severity",
            field=models.CharField(
                "told as", blank=True, choices=SEVERITIES, default="", editable=False,
                max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="meteralert", name="kind",
            field=models.CharField(choices=KINDS, max_length=20),
        ),
        migrations.AlterField(
            model_name="meteralert", name="meter",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts", to="meters.meter",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        # Rows that were changed have constraints to be checked, before the table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="meteralert", name="estate",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="alerts",
                to="estates.estate",
            ),
        ),
        migrations.AddField(
            model_name="meteralert", name="subject",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.comparison.Coalesce(
                    "meter_id", "concentrator_id"
                ),
                output_field=models.UUIDField(),
            ),
        ),
        migrations.AddConstraint(
            model_name="meteralert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "resolved"), _negated=True),
                fields=("subject", "kind"), name="alert_raised_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="meteralert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("meter__isnull", True), ("concentrator__isnull", True), _connector="XOR"
                ),
                name="alert_about_one_device",
            ),
        ),
        migrations.AddIndex(
            model_name="meteralert",
            index=models.Index(fields=["subject", "kind", "-resolved_at"], name="alert_history"),
        ),
    ]  # fmt: skip
