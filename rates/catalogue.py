"""Published rate tables, loaded with their source; nothing is guessed where a year is missing."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from rates.calendar_files import PUBLISHED
from rates.models import RateTable, RateTableVersion


def published() -> list[Mapping[str, Any]]:
    """The rate tables delivered with the product, as they are written in the data file."""
    document: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    tables: list[Mapping[str, Any]] = document["rate_tables"]
    return sorted(tables, key=lambda one: (one["licensee"], one["name"], one["effective_from"]))


@transaction.atomic
def load() -> int:
    """Have every published rate table and version; answer how many versions are new."""
    created = 0
    for entry in published():
        table, _ = RateTable.objects.get_or_create(
            name=entry["name"],
            licensee=entry["licensee"],
            utility=entry["utility"],
            estate=None,
            defaults={"is_reference": True},
        )
        _, is_new = RateTableVersion.objects.get_or_create(
            rate_table=table,
            effective_from=date.fromisoformat(entry["effective_from"]),
            defaults={
                "number": table.versions.count() + 1,
                "effective_to": entry["effective_to"],
                "components": entry["components"],
                "source": entry["source"],
                "year_inferred": entry.get("year_inferred", False),
            },
        )
        created += is_new
    return created
