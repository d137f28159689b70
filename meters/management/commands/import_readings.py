"""`manage.py import_readings`: readings from a CSV file, with an answer for each line."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from meters.importing import files
from meters.importing import readings as importing


class Command(BaseCommand):
    help = f"Import readings from a CSV file.\n{files.__doc__}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--as", dest="username", required=True, help="Who imports.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would come of it")

    def handle(self, *, file: Path, username: str, dry_run: bool, **_: Any) -> None:
        user = User.objects.named(username).filter(is_active=True).first()
        if user is None or not user.has_perm("meters.add_reading"):
            raise CommandError(f"{username} may not record readings.")
        try:
            lines = files.read(file.read_bytes())
        except (OSError, files.NotATable) as error:
            raise CommandError(str(error)) from error
        work = importing.preview if dry_run else importing.record
        told = work(lines, user=user, now=timezone.now())
        for one in told.failures:
            self.stdout.write(f"line {one.line.number}: {one.result}: {one.reason}")
        counts = ", ".join(f"{number} {result}" for result, number in told.counts.items())
        self.stdout.write(f"{'Would be: ' if dry_run else ''}{counts}")
