"""The statement of a wallet for a month, to print."""

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from quantify.periods import days_in_month, first_of_month, local_day, previous_month
from quantify.portal.actions import action
from quantify.portal.pages import ask
from wallets import statement_files, statements

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
    """The button of a wallet's page; whoever may see the wallet may read its statement."""

    def has_statement_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("wallets.view_wallet")

    @action("Statement", permission="statement", icon="description")
    def statement(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the month, then answer the PDF."""
        wallet = self.object_or_404(request, object_id)
        today = local_day(timezone.now(), wallet.unit.estate.zone)
        form = MonthForm(request.POST or None, today=today)
        if not form.is_valid():
            return ask(
                request,
                self,
                wallet,
                title=f"Statement: {self.title_of(wallet)}",
                intro="Movements, meter readings, consumption and prices of a month, as a PDF.",
                form=form,
                submit_words="Make the PDF",
            )
        first = form.first_day()
        last = min(first.replace(day=days_in_month(first)), today)
        made = statements.of(wallet, first_day=first, last_day=last)
        answer = HttpResponse(
            statement_files.as_pdf(made, made_at=timezone.now()), content_type="application/pdf"
        )
        name = f"statement-{wallet.unit.unit_number}-{first:%Y-%m}.pdf"
        answer.headers["Content-Disposition"] = f'attachment; filename="{_plain(name)}"'
        return answer


def _plain(name: str) -> str:
    """A file name that every system takes."""
    return "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-.") else "_" for sign in name
    )
