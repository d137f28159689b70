"""Rate tables in the portal, with what other prices would have changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.people import signed_in
from quantify.periods import local_day
from quantify.portal.actions import action
from quantify.portal.pages import ask
from quantify.quantities import Utility
from rates.admin.tables import RateTableAdmin
from rates.components import InvalidComponents
from rates.models import RateTable
from reports import simulations
from reports.charts import histogram
from reports.forms import SimulationForm
from reports.simulations import MonthNotBegun, Scope, Simulation

INTRO = (
    "Rates a month of an estate once more, on what its units really used: with the prices of "
    "then, and with these. Nothing is stored and nobody is charged."
)

admin.site.unregister(RateTable)


@admin.register(RateTable)
class SimulatedRateTableAdmin(RateTableAdmin):
    actions_detail = [*RateTableAdmin.actions_detail, "simulate"]

    def has_simulate_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("reports.view_report")

    @action("Simulate", permission="simulate", icon="compare_arrows")
    def simulate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the estate, the month and the prices; show what they would have changed."""
        table = self.object_or_404(request, object_id)
        now = timezone.now()
        form = SimulationForm(
            request.POST or None, table=table, user=signed_in(request), today=local_day(now)
        )
        shown: dict[str, Any] = {}
        if form.is_valid() and (made := self._simulated(form, table)):
            shown = on_screen(made)
        return ask(
            request,
            self,
            table,
            title=f"Simulate {table.portal_title}",
            form=form,
            template="portal/simulation.html",
            intro=INTRO,
            submit_words="Simulate",
            **shown,
        )

    @staticmethod
    def _simulated(form: SimulationForm, table: RateTable) -> Simulation | None:
        """What the form asks for; None, and why on the form, if it cannot be told."""
        asked = form.cleaned_data
        try:
            return simulations.simulate(
                estate=asked["estate"],
                table=table,
                tariff=simulations.tariff_to_try(
                    table, number=int(asked["version"]), written=asked["components"]
                ),
                month=form.first_day(),
                scope=Scope(asked["scope"]),
                now=timezone.now(),
            )
        except InvalidComponents as error:
            for problem in error.problems:
                message = f"{problem.path}: {problem.message}".lstrip(": ")
                form.add_error("components", message)
        except MonthNotBegun as error:
            form.add_error("month", str(error))
        return None


def on_screen(made: Simulation) -> dict[str, Any]:
    """What the page shows of a simulation."""
    return {
        "made": made,
        "found": made.outcome,
        "bars": histogram.bars(made.outcome.histogram),
        "unit_of_measure": Utility(made.table.utility).unit,
    }
