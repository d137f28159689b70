"""`manage.py raise_alerts`: bring all alerts up to date now."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from meters.alerts import rounds


class Command(BaseCommand):
    help = (
        "Raise, escalate and resolve alerts by what is known now; doing it again changes nothing."
    )

    def handle(self, **_: Any) -> None:
        done = rounds.run(now=timezone.now())
        if done.is_skipped:
            self.stdout.write("Another round is under way; nothing was done.")
            return
        self.stdout.write(
            f"{done.silent} meters silent, {done.entries} new log entries, "
            f"{done.findings} findings followed, {done.escalated} alerts escalated, "
            f"{done.messages} messages written."
        )
