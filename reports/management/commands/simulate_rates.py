"""What other prices would have changed in a month of an estate; see `reports.simulations`."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quantify.quantities import Utility, format_kilo
from rates import finding
from rates.assignments import AnotherEstate
from rates.components import InvalidComponents
from rates.simulation import Effect, Outcome
from reports import simulations
from reports.management.asked import add_month, estate_of, month_of
from reports.simulations import MonthNotBegun, NoSuchVersion, Scope, Simulation

WRONG = (finding.NotOneTable, AnotherEstate, MonthNotBegun, NoSuchVersion, InvalidComponents)


class Command(BaseCommand):
    help = "Rate a month of an estate by other prices, on its real consumption. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rate_table", help="the name of the rate table, or its id")
        parser.add_argument("--licensee", help="where several have the name")
        parser.add_argument("--own", action="store_true", help="the estate's own, not a shared one")
        add_month(parser)
        prices = parser.add_mutually_exclusive_group()
        prices.add_argument("--number", type=int, help="the version to try (default: the newest)")
        prices.add_argument("--components", type=Path, help="a JSON file of components to try")
        parser.add_argument(
            "--all", action="store_true", help="all units, not only those that pay by the table"
        )

    def handle(self, *_: Any, rate_table: str, **asked: Any) -> None:
        now, estate = timezone.now(), estate_of(asked["estate"])
        try:
            table = finding.find(
                rate_table,
                licensee=asked["licensee"],
                estate=estate.code if asked["own"] else None,
            )
            made = simulations.simulate(
                estate=estate,
                table=table,
                tariff=simulations.tariff_to_try(
                    table, number=asked["number"], written=_read(asked["components"])
                ),
                month=month_of(asked["month"], estate, now),
                scope=Scope.ALL if asked["all"] else Scope.ASSIGNED,
                now=now,
            )
        except WRONG as error:
            raise CommandError(str(error)) from error
        self._tell(made)

    def _tell(self, made: Simulation) -> None:
        found = made.outcome
        running = ", which still runs" if made.is_running else ""
        self.stdout.write(f"{made.table} on {made.estate}, {made.month:%B %Y}{running}")
        self.stdout.write(
            f"{found.units} units: R{found.revenue_before} before, R{found.revenue_after} after, "
            f"{_signed(found)}"
        )
        self.stdout.write(
            f"Their bills were charged R{made.charged}; {made.not_up_to_date} are not up to date."
        )
        self.stdout.write(
            f"{found.winners} pay less, {found.losers} more, {found.unchanged} the same; "
            f"{made.elsewhere} pay by other rate tables."
        )
        for one in found.histogram:
            edges = "no change" if one.low == one.high else f"R{one.low} to R{one.high}"
            self.stdout.write(f"{edges:>28} {one.units:>6}")
        for effect in found.most_affected:
            quantity = format_kilo(effect.consumption)
            self.stdout.write(
                f"{effect.unit_number:<14}{quantity:>14} {Utility(made.table.utility).unit}  "
                f"R{effect.before.total} to R{effect.after.total}, {_signed(effect)}"
            )
        for refused in made.not_priced:
            self.stderr.write(f"{refused.unit_number}: no price: {refused.reason}")


def _signed(one: Outcome | Effect) -> str:
    percent = "" if one.change_percent is None else f" ({one.change_percent:+} %)"
    return f"{'-' if one.change < 0 else '+'}R{abs(one.change)}{percent}"


def _read(path: Path | None) -> list[Any] | None:
    if path is None:
        return None
    try:
        written = json.loads(path.read_text(encoding="utf-8"), parse_float=str)
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(written, list):
        raise CommandError(f"{path} must hold a list of components.")
    return written
