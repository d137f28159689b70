"""Live a wallet through again and compare; see `wallets.proving.replay`."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from wallets.models import Wallet
from wallets.proving.replay import replay


class Command(BaseCommand):
    help = (
        "Work a wallet out again from payments, readings and rates, and compare it with the "
        "ledger. Fails with the first difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("wallet", help="the id of a wallet, or with --estate a unit's number")
        parser.add_argument("--estate", metavar="CODE", help="the estate of the unit")

    def handle(self, *_: Any, wallet: str, estate: str | None, **__: Any) -> None:
        outcome = replay(_wallet(wallet, estate).pk)
        for bill in outcome.not_up_to_date:
            self.stderr.write(f"Not compared, {bill}")
        if outcome.difference:
            raise CommandError(str(outcome))
        self.stdout.write(str(outcome))


def _wallet(name: str, estate: str | None) -> Wallet:
    wallets = Wallet.objects.all()
    if estate is not None:
        found = wallets.filter(unit__unit_number=name, unit__estate__code=estate)
        found = found.order_by("unit__deleted_at")
        missing = f"Estate {estate} has no unit {name}."
    else:
        try:
            found = wallets.filter(pk=UUID(name))
        except ValueError:
            raise CommandError("Give a wallet's id, or a unit's number with --estate.") from None
        missing = f"There is no wallet {name}."
    one = found.first()
    if one is None:
        raise CommandError(missing)
    return one
