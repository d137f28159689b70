"""Read a rate table from a JSON document; docs/rate-tables.md describes it."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from estates.models import Estate
from rates import exchange
from rates.documents import InvalidDocument


class Command(BaseCommand):
    help = "Have a rate table as a JSON document says. Changes nothing if anything is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the document, or - to read it from the input")
        parser.add_argument("--estate", help="the code of the estate it is for (default: all)")
        parser.add_argument("--check", action="store_true", help="say what would happen, only")

    def handle(self, *_: Any, file: str, check: bool, **asked: Any) -> None:
        written, estate = _read(file), _estate(asked["estate"])
        try:
            with transaction.atomic():
                outcome = exchange.import_table(written, estate=estate)
                transaction.set_rollback(check)
        except InvalidDocument as error:
            for problem in error.problems:
                self.stderr.write(f"{problem.path}: {problem.message}")
            count = len(error.problems)
            raise CommandError(f"{count} to put right; nothing was changed.") from error
        for warning in outcome.warnings:
            self.stderr.write(f"Look again: {warning.path}: {warning.message}")
        self.stdout.write(f"{'Checked: ' if check else ''}{outcome}.")


def _read(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text, parse_float=str)
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read as JSON: {error}") from error


def _estate(code: str | None) -> Estate | None:
    if code is None:
        return None
    estate = Estate.objects.filter(code=code, deleted_at=None).first()
    if estate is None:
        raise CommandError(f"There is no estate {code!r}: give its code.")
    return estate
