"""Close months, and find what facts since would change; see `wallets.billing.closings`."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from estates.models import Estate
from wallets import ledger
from wallets.billing import closings, differences
from wallets.models import BillDifference

WRONG = (closings.MonthNotOver, closings.ClosedBefore, ledger.LedgerBusy)


class Command(BaseCommand):
    help = (
        "Close the months whose days for late facts are over, or one month of one estate, and "
        "list what facts since would change of closed months."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--estate", help="one estate, by its code; with --month")
        parser.add_argument("--month", type=_month, help="such as 2026-07; with --estate")

    def handle(self, *_: Any, **asked: Any) -> None:
        now = timezone.now()
        code, month = asked["estate"], asked["month"]
        if (code is None) != (month is None):
            raise CommandError("Name the estate and the month, or neither.")
        if code is None:
            made = closings.close_due(now=now)
        else:
            estate = Estate.objects.filter(code__iexact=code, deleted_at=None).first()
            if estate is None:
                raise CommandError(f"There is no estate with the code {code}.")
            try:
                made = [closings.close(estate=estate, month=month, actor=None, closed_at=now)]
            except WRONG as error:
                raise CommandError(str(error)) from error
        for one in made:
            self.stdout.write(f"{one.estate.code}: closed up to {one.month:%B %Y}.")
        number = differences.look(now=now)
        self.stdout.write(f"{len(made)} closed. {number} differences wait for a person.")
        rows = BillDifference.objects.open().select_related("estate", "wallet__unit")
        for row in rows.order_by("estate__code", "month", "wallet__unit__unit_number"):
            unit = f"{row.estate.code} {row.wallet.unit.unit_number}"
            self.stdout.write(f"  {unit} {row}: {row.get_cause_display()}")


def _month(written: str) -> date:
    try:
        return date.fromisoformat(f"{written}-01")
    except ValueError as error:
        raise ArgumentTypeError(f"{written!r} is no month: give one such as 2026-07.") from error
