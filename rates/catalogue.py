"""
Published rate tables, loaded with their source; nothing is guessed where a year is missing.

What is there stands: a version that somebody changed, or that priced a bill, is left alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from rates.calendar_files import PUBLISHED
from rates.models import RateTable, RateTableVersion

NEW, KNOWN, LEFT_OUT = "new", "known", "left out"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A published version, and whether it is new, was there, or had no place."""

    entry: Mapping[str, Any]
    state: str

    @property
    def year(self) -> str:
        """From when to when the prices hold, and whether that was inferred."""
        days = f"{self.entry['effective_from']} to {self.entry['effective_to'] or 'today'}"
        return f"{days}, year inferred" if self.entry.get("year_inferred") else days


def published() -> list[Mapping[str, Any]]:
    """The rate tables delivered with the product, as they are written in the data file."""
    document: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    tables: list[Mapping[str, Any]] = document["rate_tables"]
    return sorted(tables, key=lambda one: (one["licensee"], one["name"], one["effective_from"]))


@transaction.atomic
def load() -> list[Loaded]:
    """Have every published rate table and version that there is room for."""
    return [Loaded(entry, _load(entry)) for entry in published()]


def _load(entry: Mapping[str, Any]) -> str:
    table, _ = RateTable.objects.get_or_create(
        name=entry["name"],
        licensee=entry["licensee"],
        utility=entry["utility"],
        estate=None,
        deleted_at=None,
        defaults={"is_reference": True},
    )
    first = date.fromisoformat(entry["effective_from"])
    end = entry["effective_to"] and date.fromisoformat(entry["effective_to"])
    newest = table.versions.order_by("-effective_from").first()
    if newest and newest.effective_from >= first:
        return KNOWN if table.versions.filter(effective_from=first).exists() else LEFT_OUT
    if newest and (newest.effective_to is None or newest.effective_to > first):
        newest.effective_to = first
        newest.save(update_fields=["effective_to", "updated_at"])
    RateTableVersion.objects.create(
        rate_table=table,
        number=newest.number + 1 if newest else 1,
        effective_from=first,
        effective_to=end,
        components=entry["components"],
        source=entry["source"],
        confidence=entry["confidence"],
        year_inferred=entry.get("year_inferred", False),
    )
    return NEW
