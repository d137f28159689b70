"""Write a rate table as a JSON document; docs/rate-tables.md describes it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rates import exchange, finding


class Command(BaseCommand):
    help = "Write a rate table with all its versions as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name of the rate table, or its id")
        parser.add_argument("--licensee", help="where several have the name")
        parser.add_argument("--estate", help="the code of its estate, for one that is not shared")
        parser.add_argument("--output", type=Path, help="a file to write (default: print it)")

    def handle(self, *_: Any, name: str, output: Path | None, **asked: Any) -> None:
        try:
            table = finding.find(name, licensee=asked["licensee"], estate=asked["estate"])
        except finding.NotOneTable as error:
            raise CommandError(str(error)) from error
        document = exchange.export_table(table)
        written = json.dumps(document, indent=2, ensure_ascii=False)
        if output is None:
            self.stdout.write(written)
            return
        output.write_text(f"{written}\n", encoding="utf-8")
        self.stdout.write(f"{document['name']}: {len(document['versions'])} versions in {output}")
