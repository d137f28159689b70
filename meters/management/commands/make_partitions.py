"""`manage.py make_partitions`: the monthly partitions of the time series."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from meters import partitions


class Command(BaseCommand):
    help = "Make the partitions of the months to come, or of a stretch of time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--months", type=int, default=3, help="How many months ahead.")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="YYYY-MM-DD")

    def handle(self, *, months: int, first: date | None, **_: Any) -> None:
        today = timezone.now().date()
        made = partitions.ahead(today, months)
        if first is not None:
            made += partitions.ensure(first, today)
        self.stdout.write(f"{made} partitions made.")
