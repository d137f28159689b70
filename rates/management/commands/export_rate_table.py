"""Write a rate table as a JSON document; docs/rate-tables.md describes it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from rates import exchange
from rates.models import RateTable


class Command(BaseCommand):
    help = "Write a rate table with all its versions as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name of the rate table, or its id")
        parser.add_argument("--licensee", help="where several have the name")
        parser.add_argument("--estate", help="the code of its estate, for one that is not shared")
        parser.add_argument("--output", type=Path, help="a file to write (default: print it)")

    def handle(self, *_: Any, name: str, output: Path | None, **asked: Any) -> None:
        document = exchange.export_table(_find(name, asked["licensee"], asked["estate"]))
        written = json.dumps(document, indent=2, ensure_ascii=False)
        if output is None:
            self.stdout.write(written)
            return
        output.write_text(f"{written}\n", encoding="utf-8")
        self.stdout.write(f"{document['name']}: {len(document['versions'])} versions in {output}")


def _find(name: str, licensee: str | None, estate: str | None) -> RateTable:
    tables = RateTable.objects.alive()
    try:
        found = list(tables.filter(pk=UUID(name)))
    except ValueError:
        named = tables.filter(name=name, estate__code=estate)
        found = list(named.filter(licensee=licensee) if licensee is not None else named)
    if not found:
        raise CommandError(f"There is no rate table {name!r}: give its name, or its id.")
    if len(found) > 1:
        listed = ", ".join(f"{one.licensee or '(none)'}, {one.utility}, {one.pk}" for one in found)
        raise CommandError(f"Several are named {name!r}: choose one by id or licensee: {listed}.")
    return found[0]
