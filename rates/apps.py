from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RatesConfig(AppConfig):
    name = "rates"
    verbose_name = "Rates"

    def ready(self) -> None:
        post_migrate.connect(load_published_calendars, sender=self)


def load_published_calendars(*, using: str, **_: Any) -> None:
    """Have the published calendars; one that is there stands."""
    import json

    from rates.calendar_files import PUBLISHED
    from rates.models import TariffCalendar

    document = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    for entry in document["calendars"]:
        parts = ("seasons", "hours", "other_hours", "holidays")
        TariffCalendar.objects.using(using).get_or_create(
            name=entry["name"],
            valid_from=entry["valid_from"],
            defaults={
                "valid_to": entry.get("valid_to"),
                "definition": {part: entry[part] for part in parts if part in entry},
                "source": entry.get("source", ""),
            },
        )
