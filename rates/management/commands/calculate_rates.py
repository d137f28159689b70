"""What a consumption would cost by a rate table, line by line; see `rates.quotes`."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quantify.periods import first_of_month, local_day
from quantify.quantities import NotAQuantity, kilo
from rates import finding, quotes
from rates.components import InvalidComponents
from rates.engine import Bill, InvalidUsage, NoFreeAllocation
from rates.pricing import NoTariff

NO_PRICE = (NotAQuantity, NoTariff, InvalidUsage, InvalidComponents, NoFreeAllocation)


class Command(BaseCommand):
    help = "Say what a month's consumption would cost by a rate table, line by line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name of the rate table, or its id")
        parser.add_argument("consumption", type=_quantity, help="kWh or kl, for example 250")
        parser.add_argument("--month", type=_month, help="for example 2026-07 (default: this one)")
        parser.add_argument("--month-to-date", type=_quantity, default=Decimal(0), metavar="USED")
        parser.add_argument("--markup", type=_quantity, default=Decimal(0), metavar="PERCENT")
        parser.add_argument("--licensee", help="where several have the name")
        parser.add_argument("--estate", help="the code of its estate, for one that is not shared")

    def handle(self, *_: Any, name: str, consumption: Decimal, **asked: Any) -> None:
        try:
            table = finding.find(name, licensee=asked["licensee"], estate=asked["estate"])
            bill = quotes.calculate(
                table=table,
                month=asked["month"] or first_of_month(local_day(timezone.now())),
                consumption=kilo(consumption),
                month_to_date=kilo(asked["month_to_date"]),
                markup_percent=asked["markup"],
            )
        except (finding.NotOneTable, *NO_PRICE) as error:
            raise CommandError(str(error)) from error
        self._print(bill)

    def _print(self, bill: Bill) -> None:
        for line in bill.lines:
            quantity = f"{line.quantity.normalize():f} {line.unit}".strip()
            self.stdout.write(f"{line.what:40} {quantity:>16} x R{line.price}  R{line.amount}")
        for what, amount in (("Markup", bill.markup), ("VAT", bill.vat), ("Total", bill.total)):
            self.stdout.write(f"{what:40} R{amount}")


def _quantity(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text} is no number: write for example 250 or 12.5") from None
    if not found.is_finite() or found < 0:
        raise ArgumentTypeError(f"{text} is no number of zero or more")
    return found


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ArgumentTypeError(f"{text} is no month: write for example 2026-07") from None
