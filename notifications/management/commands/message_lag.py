from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notifications import delivering


class Command(BaseCommand):
    """Print how far delivering messages is behind."""

    help = "How far delivering messages is behind."

    def handle(self, *args: Any, **options: Any) -> None:
        lag = delivering.lag(now=timezone.now())
        self.stdout.write(
            f"Due: {lag.due}, the oldest for {lag.oldest_seconds} s. "
            f"Given up: {lag.dead}. Perhaps delivered: {lag.uncertain}."
        )
