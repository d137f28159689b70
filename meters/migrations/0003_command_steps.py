"""The life of each command, step by step, written by the database whatever way it changes."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

LOG = """
CREATE FUNCTION command_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.state, OLD.moved_at, OLD.attempts) = (NEW.state, NEW.moved_at, NEW.attempts) THEN
            RETURN NULL;
        END IF;
        IF OLD.state NOT IN ('queued', 'sent', 'acknowledged', 'unknown', 'retrying') THEN
            RAISE EXCEPTION 'The command is closed: %', OLD.state
                USING ERRCODE = 'check_violation', HINT = 'Ask for a new command.';
        END IF;
    END IF;
    INSERT INTO meters_commandstep (command_id, at, state, attempt, outcome, checks)
    VALUES (NEW.id, NEW.moved_at, NEW.state, NEW.attempts, NEW.outcome, NEW.checks);
    RETURN NULL;
END $$;

CREATE TRIGGER steps AFTER INSERT OR UPDATE ON meters_command
    FOR EACH ROW EXECUTE FUNCTION command_steps();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON meters_commandstep
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON meters_commandstep
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

INSERT INTO meters_commandstep (command_id, at, state, attempt, outcome, checks)
SELECT id, moved_at, state, attempts, outcome, checks FROM meters_command;
"""

UNDO = """
DROP TRIGGER steps ON meters_command;
DROP FUNCTION command_steps();
"""


class Migration(migrations.Migration):
    dependencies = [("meters", "0002_audit")]

    operations = [
        migrations.AlterField(
            model_name="command",
            name="action",
            field=models.CharField(
                choices=[("disconnect", "Disconnect"), ("reconnect", "Reconnect"), ("read", "Read")],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="cause",
            field=models.CharField(
                choices=[
                    ("credit", "Credit control"),
                    ("person", "Asked by a person"),
                    ("reconciliation", "Reconciliation"),
                ],
                default="credit",
                max_length=15,
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="checks",
            field=models.JSONField(
                default=list, help_text="What the guards saw when they were last asked."
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="moved_at",
            field=models.DateTimeField(null=True, help_text="When it came to the state it is in."),
        ),
        migrations.RunSQL(
            "UPDATE meters_command SET moved_at = coalesce(verified_at, sent_at, requested_at); "
            "SET CONSTRAINTS ALL IMMEDIATE",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="command",
            name="moved_at",
            field=models.DateTimeField(help_text="When it came to the state it is in."),
        ),
        migrations.CreateModel(
            name="CommandStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("blocked", "Blocked"),
                            ("queued", "Queued"),
                            ("sent", "Sent"),
                            ("acknowledged", "Acknowledged"),
                            ("unknown", "No answer"),
                            ("retrying", "Retrying"),
                            ("verified", "Verified"),
                            ("expired", "Expired"),
                            ("superseded", "Superseded"),
                            ("dead", "Given up"),
                        ],
                        max_length=12,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField()),
                ("outcome", models.CharField(blank=True, max_length=250)),
                ("checks", models.JSONField(default=list)),
                ("recorded_at", models.DateTimeField(db_default=Now())),
                (
                    "command",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="meters.command",
                    ),
                ),
            ],
            options={"verbose_name": "command step"},
        ),
        migrations.RunSQL(LOG, UNDO),
    ]
