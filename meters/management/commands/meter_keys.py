"""`manage.py meter_keys import`: take the keys of many meters from a file."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from meters import keys
from meters.keys import BadKeys, Secrets
from meters.models.devices import Meter
from quantify.sealing import NoSecret

COLUMNS = {"serial", *Secrets._fields}


class Command(BaseCommand):
    help = (
        "Import passwords and keys of meters from a CSV file with the columns serial, password,"
        " encryption_key and authentication_key."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_subparsers(dest="what", required=True)
        chosen.add_parser("import", help="All or nothing.").add_argument("file", type=Path)

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            self.stdout.write(f"The keys of {_import(file)} meters were stored.")
        except NoSecret as error:
            raise CommandError(str(error)) from error


@transaction.atomic
def _import(file: Path) -> int:
    """:raises CommandError: if a line is wrong, which is named; nothing is stored then."""
    number = 0
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if unknown := set(rows.fieldnames or ()) ^ COLUMNS:
                names = ", ".join(sorted(unknown))
                raise CommandError(f"{file.name}: missing or unknown columns: {names}.")
            for number, row in enumerate(rows, start=1):  # noqa: B007 - told at the end
                _store(f"{file.name}, line {rows.line_num}", row)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    return number


def _store(place: str, row: dict[str, str]) -> None:
    meter = Meter.objects.filter(serial=row["serial"].strip()).first()
    if meter is None:
        raise CommandError(f"{place}: there is no meter of that serial.")
    try:
        keys.give(meter=meter, given=Secrets(*(row[name].strip() for name in Secrets._fields)))
    except BadKeys as error:
        raise CommandError(f"{place}: {error}") from error
