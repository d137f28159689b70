"""Add the ledger up again, compare it with what is stored; see `wallets.proving.verification`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wallets.proving import verification


class Command(BaseCommand):
    help = "Check that the whole ledger agrees with itself. Fails with what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--shown",
            type=int,
            default=verification.SHOWN,
            help="print so many differences of each check (default: %(default)s)",
        )

    def handle(self, *_: Any, shown: int, **__: Any) -> None:
        outcome = verification.verify(shown=max(shown, 1))
        for further in outcome.differences[1:]:
            self.stderr.write(str(further))
        if outcome.differences:
            raise CommandError(str(outcome))
        self.stdout.write(str(outcome))
