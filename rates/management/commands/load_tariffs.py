"""Load the published calendars and rate tables; see `rates.catalogue`."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from rates import catalogue
from rates.apps import load_published_calendars


class Command(BaseCommand):
    help = (
        "Have the South African calendars and rate tables delivered with the product. What is "
        "there already is left as it is, so that this may be run again."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        load_published_calendars(using=DEFAULT_DB_ALIAS)
        loaded = catalogue.load()
        for one in loaded:
            entry = one.entry
            self.stdout.write(f"{one.state:<9} {entry['licensee']}: {entry['name']}")
            self.stdout.write(f"{'':<9} {one.year}; {entry['confidence']}: {entry['source']}")
        created = sum(one.state == catalogue.NEW for one in loaded)
        self.stdout.write(f"{created} of {len(loaded)} versions are new.")
