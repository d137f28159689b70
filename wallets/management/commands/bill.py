"""Charge what was metered and not charged yet; see `wallets.billing.runs`."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from wallets.billing import runs
from wallets.models import Wallet


class Command(BaseCommand):
    help = (
        "Bring every bill up to date and charge the differences. Running it again does nothing. "
        "Closed months are left alone: see close_months."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--estate", help="only this estate, by its code")
        parser.add_argument("--unit", help="only this unit of the estate, by its number")
        parser.add_argument(
            "--since",
            type=date.fromisoformat,
            help="look at the months from this day on (default: those that may be open)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        run = runs.bill(now=timezone.now(), since=options["since"], wallet_ids=_wallets(**options))
        self.stdout.write(
            f"{run.priced} bills priced, {run.charged} charges posted, R{run.total} in sum."
        )
        if run.refused:
            self.stdout.write(f"{run.refused} supplies have no price: see their bills.")
        if run.busy:
            self.stdout.write(f"{run.busy} wallets were in use: run again to bill them.")


def _wallets(*, estate: str | None, unit: str | None, **_: Any) -> list[Any] | None:
    if unit and not estate:
        raise CommandError("Name the estate of the unit with --estate.")
    if not estate:
        return None
    wallets = Wallet.objects.filter(unit__estate__code=estate)
    if unit:
        wallets = wallets.filter(unit__unit_number=unit)
    found = list(wallets.values_list("pk", flat=True))
    if not found:
        raise CommandError("There is no such unit. Check the estate's code and the unit's number.")
    return found
