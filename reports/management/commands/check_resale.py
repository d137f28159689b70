"""What resale charged above the licensed price in a month; see `reports.resale`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from reports import resale
from reports.management.asked import add_month, estate_of, month_of
from reports.resale import Checked
from reports.simulations import MonthNotBegun


class Command(BaseCommand):
    help = (
        "Rate every bill of an estate's month on its licensed rate table. Fails if anything was "
        "charged above it, could not be compared, or bears a markup on electricity."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_month(parser)

    def handle(self, *_: Any, **asked: Any) -> None:
        now, estate = timezone.now(), estate_of(asked["estate"])
        try:
            made = resale.check(estate=estate, month=month_of(asked["month"], estate, now), now=now)
        except MonthNotBegun as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{estate}, {made.month:%B %Y}, in rand with VAT")
        for one in made.utilities:
            self._tell(one)
        if not made.utilities:
            raise CommandError("No unit had a meter in that month: there is nothing to check.")
        wrong = [one.utility.value for one in made.utilities if not one.is_in_order]
        if wrong:
            raise CommandError(f"To look at: {', '.join(wrong)}.")

    def _tell(self, one: Checked) -> None:
        for warning in one.warnings:
            self.stderr.write(f"{one.utility}: {warning}")
        if one.reference is None:
            self.stderr.write(
                f"{one.utility}: no licensed rate table is named to compare with; name one under "
                "References in the portal."
            )
            return
        found = one.found
        self.stdout.write(
            f"{one.utility}: {found.charged} charged, {found.allowed} by {one.reference}, "
            f"{found.excess} above it for {found.over} of {len(found.units)} units; "
            f"{found.not_up_to_date} bills not up to date, {one.not_billed} units not billed"
        )
        for unit in found.units:
            if unit.excess:
                amounts = f"{unit.charged} - {unit.allowed} = {unit.excess}"
                self.stdout.write(f"  {unit.unit_number}: {amounts}")
        for refused in one.not_priced:
            self.stderr.write(f"  {refused.unit_number}: not compared: {refused.reason}")
