"""Warn, cut and restore by the credit that is left; see `wallets.credit.control`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from wallets.credit import control
from wallets.credit.policy import Decision, Facts, explain


class Command(BaseCommand):
    help = "Warn, and send the commands that the credit calls for, each after all its checks."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only say who would be cut or restored now, and who is spared and why",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["dry_run"]:
            self._tell()
        else:
            self._act()

    def _tell(self) -> None:
        considered = control.consider(now=timezone.now())
        for facts, decision in considered:
            self._say(facts, decision)
        acted = sum(decision.is_permitted for _, decision in considered)
        self.stdout.write(f"{acted} would be switched, {len(considered) - acted} are spared.")

    def _act(self) -> None:
        outcome = control.run(now=timezone.now())
        for command in outcome.requested:
            sent = control.send(command.pk, now=timezone.now())
            self.stdout.write(f"{sent.meter.serial}: {sent} {sent.outcome}".rstrip())
        self.stdout.write(
            f"{outcome.warned} warned, {len(outcome.requested)} commands, "
            f"{len(outcome.refused)} spared."
        )

    def _say(self, facts: Facts, decision: Decision) -> None:
        verdict = "would " if decision.is_permitted else "is spared: would "
        action = decision.action.value if decision.action else "be left"
        self.stdout.write(f"{facts.unit_number} ({facts.serial}) {verdict}{action}")
        for line in explain(decision):
            self.stdout.write(f"    {line}")
