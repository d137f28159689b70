"""The statement of a wallet for a month: on the screen, to print, for a spreadsheet."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from quantify.periods import days_in_month, first_of_month, local_day, previous_month
from quantify.portal.actions import action
from quantify.portal.pages import ask
from quantify.tables.files import plain_name
from wallets.admin.explanation import line
from wallets.statements import files, statement, tables
from wallets.statements.statement import Statement

MONTHS = 13


class MonthForm(forms.Form):
    """One of the last months."""

    month = forms.ChoiceField(widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        months = [first_of_month(today)]
        while len(months) < MONTHS:
            months.append(previous_month(months[-1]))
        field: Any = self.fields["month"]
        field.choices = [(month.isoformat(), f"{month:%B %Y}") for month in months]

    def first_day(self) -> date:
        return date.fromisoformat(self.cleaned_data["month"])


class StatementAction:
    """The button of a wallet's page; a statement tells every transaction of its days."""

    def has_statement_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.view_transaction")

    @action("Statement", permission="statement", icon="description")
    def statement(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the month, then show it, or answer it as a file."""
        wallet = self.object_or_404(request, object_id)
        today = local_day(timezone.now(), wallet.unit.estate.zone)
        form = MonthForm(request.POST or None, today=today)
        title = f"Statement: {self.title_of(wallet)}"
        if not form.is_valid():
            return ask(
                request,
                self,
                wallet,
                intro="Movements, meter readings, consumption and prices of a month.",
                template="portal/statement_month.html",
                title=title,
                form=form,
            )
        first = form.first_day()
        last = min(first.replace(day=days_in_month(first)), today)
        made = statement.of(wallet, first_day=first, last_day=last)
        for button, answer in FILES.items():
            if button in request.POST:
                return answer(made)
        return ask(
            request,
            self,
            wallet,
            template="portal/statement.html",
            title=title,
            form=form,
            **on_screen(made),
        )


def on_screen(made: Statement) -> dict[str, Any]:
    """What the page shows besides the statement itself."""
    utilities = sorted({one.utility for one in made.days})
    return {
        "statement": made,
        "estate": made.wallet.unit.estate,
        "used": [(one, *made.used(one), made.paid(one), made.owed(one)) for one in utilities],
        "bills": [(bill, [line(row) for row in bill.lines]) for bill in made.bills],
    }


def _file(made: Statement, content: bytes, media_type: str, ending: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=media_type)
    name = f"statement-{made.wallet.unit.unit_number}-{made.first_day:%Y-%m}.{ending}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{plain_name(name)}"'
    return answer


def _pdf(made: Statement) -> HttpResponse:
    content = files.as_pdf(made, made_at=timezone.now())
    return _file(made, content, "application/pdf", "pdf")


def _csv(made: Statement) -> HttpResponse:
    return _file(made, tables.as_csv(made).encode(), "text/csv", "csv")


FILES: dict[str, Callable[[Statement], HttpResponse]] = {"_pdf": _pdf, "_csv": _csv}
