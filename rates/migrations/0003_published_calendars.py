"""The published time-of-use calendars are there from the start."""

from django.db import migrations

from rates.calendar_files import PUBLISHED


def load(apps, schema_editor):
    import json

    TariffCalendar = apps.get_model("rates", "TariffCalendar")
    document = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    for entry in document["calendars"]:
        TariffCalendar.objects.get_or_create(
            name=entry["name"],
            valid_from=entry["valid_from"],
            defaults={
                "valid_to": entry.get("valid_to"),
                "definition": {
                    key: entry[key]
                    for key in ("seasons", "hours", "other_hours", "holidays")
                    if key in entry
                },
                "source": entry.get("source", ""),
            },
        )


class Migration(migrations.Migration):
    dependencies = [("rates", "0002_used_versions_stand")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
