"""Estates in the portal, with their reports and the check of what their resale charged."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone

from estates.admin import EstateAdmin
from estates.models import Estate
from quantify.periods import local_day
from quantify.portal.actions import action
from quantify.portal.base import Related
from quantify.portal.pages import ask
from quantify.tables.files import FORMATS, download
from reports import resale, resale_tables
from reports.admin import pages
from reports.forms import MonthForm

INTRO = (
    "Rates every bill of a month once more on the licensee's rate table, on the same use and with "
    "the same VAT, and lists what was charged above it."
)

admin.site.unregister(Estate)


@admin.register(Estate)
class CheckedEstateAdmin(EstateAdmin):
    actions_detail = [*EstateAdmin.actions_detail, "resale"]
    related = [
        *EstateAdmin.related,
        Related("References", "verified", "rates.referencetable", "estate__id__exact"),
    ]

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.report)
        urls: list[URLPattern] = super().get_urls()
        return [path("reports/<slug:slug>/", page, name="report"), *urls]

    def report(self, request: HttpRequest, slug: str) -> HttpResponseBase:
        """A report of the catalogue."""
        return pages.show(request, self, slug)

    def has_resale_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("reports.view_report")

    @action("Resale check", permission="resale", icon="verified")
    def resale(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Ask for the month, and show what was charged above the licensed price."""
        estate: Any = self.object_or_404(request, object_id)
        now = timezone.now()
        form = MonthForm(request.POST or None, today=local_day(now, estate.zone))
        made = None
        if form.is_valid():
            made = resale.check(estate=estate, month=form.first_day(), now=now)
            for kind in FORMATS:
                if f"_{kind}" in request.POST:
                    name = f"resale-{estate.code}-{made.month:%Y-%m}"
                    return download(resale_tables.table([made]), kind, name)
        return ask(
            request,
            self,
            estate,
            title=f"Resale check: {estate.portal_title}",
            form=form,
            template="portal/resale.html",
            intro=INTRO,
            submit_words="Check",
            made=made,
            files=[(f"_{kind}", kind.upper()) for kind in FORMATS],
        )
