"""Check the demonstration against the simulated registers; see `quantify.demo.audit`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quantify.demo import audit
from quantify.demo.seeding import simulators
from quantify.demo.stories import STORIES


class Command(BaseCommand):
    help = (
        "Compare every interval, bill and balance of the demonstration with the simulator's own "
        "registers and an independent calculation, and say each difference."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        found = 0
        for finding in audit.findings(STORIES, simulators()):
            self.stdout.write(finding)
            found += 1
        if found:
            raise CommandError(f"{found} differences.")
        self.stdout.write("Every interval, bill and balance agrees with the registers.")
