"""Every account of an estate over some local days; see `wallets.accounts`."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from estates.models import Estate
from quantify.periods import first_of_month, local_day
from wallets import accounts


class Command(BaseCommand):
    help = "Print what was debited and credited to every account of an estate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--estate", required=True, help="the estate's code")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="this month")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="today")

    def handle(self, *_: Any, **options: Any) -> None:
        estate = Estate.objects.filter(code__iexact=options["estate"]).first()
        if estate is None:
            raise CommandError(f"There is no estate with the code {options['estate']}.")
        last = options["last"] or local_day(timezone.now(), estate.zone)
        first = options["first"] or first_of_month(last)
        if first > last:
            raise CommandError("Give a day for --to that is not before --from.")
        made = accounts.trial_balance(estate, first, last)
        self.stdout.write(f"{estate}, {first} to {last}, in rand")
        self._line("Account", "Before", "Debit", "Credit", "After")
        for row in made.rows:
            self._line(row.account.label, row.opening, row.debit, row.credit, row.closing)
        self._line("Sum", "", made.debit, made.credit, "")
        self.stdout.write(f"Wallets hold R{made.in_wallets}, the other accounts its opposite.")

    def _line(self, name: object, *numbers: object) -> None:
        self.stdout.write(f"{name!s:24}" + "".join(f"{number!s:>16}" for number in numbers))
