"""Replacing a meter in the portal: asked, shown, confirmed, and taken back."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils import timezone

from meters import installations, replacement
from meters.forms import ReplaceForm
from meters.models import Meter
from meters.replacement import Preview
from quantify.portal import formats
from quantify.portal.actions import action
from quantify.portal.pages import ask, confirm, object_url

REFUSALS: dict[type[Exception], str] = {
    replacement.CannotReplace: "new_meter",
    installations.UnitTaken: "at",
    installations.UnitDeleted: "at",
    installations.InstalledElsewhere: "new_meter",
    installations.NotInstalled: "at",
    installations.NotAQuarterHour: "at",
    installations.ImpossibleClosing: "closing_value",
}
INTRO = (
    "The old meter counts up to the moment, the new one from then on. "
    "The unit keeps its consumption of the month and its place in the blocks."
)
UNDO = (
    "The meter that hung here before hangs again as if it had never been replaced; the unit's "
    "bills follow with the next run. The registers that were entered stay as readings."
)


class ReplacingMixin:
    """The buttons and pages of a replacement, for the meter's page."""

    def has_replace_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self._may(request, object_id)

    def has_undo_replacement_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not self._may(request, object_id):
            return False
        meter = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        return meter is None or replacement.replaced_another(meter)

    def _may(self, request: HttpRequest, object_id: str) -> bool:
        if not request.user.has_perm("meters.add_installation"):
            return False
        meter = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        # The second of two clicks finds the meter taken down by the first, and is answered alike.
        places = {} if request.method == "POST" else {"ends_at": None}
        return meter is None or meter.installations.filter(**places).exists()

    @action("Replace", permission="replace", icon="swap_horiz")
    def replace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        meter: Meter = self.object_or_404(request, object_id)  # type: ignore[attr-defined]
        choices = Meter.objects.visible_to(request.user).alive()
        form = ReplaceForm(request.POST or None, meter=meter, choices=choices)
        if "_edit" in request.POST or not form.is_valid():
            return self._asked(request, meter, form)
        now = timezone.now()
        try:
            if "_confirm" in request.POST:
                done = replacement.replace(form.swap(), now=now)
                words = f"{done.installed.meter} hangs in the place of {meter}."
                self.log_change(request, meter, f"{words} {form.cleaned_data['reason']}")  # type: ignore[attr-defined]
                messages.success(request, words)
                return HttpResponseRedirect(object_url(done.installed.meter))
            seen = replacement.preview(form.swap(), now=now)
        except tuple(REFUSALS) as error:
            form.add_error(REFUSALS[type(error)], str(error))
            return self._asked(request, meter, form)
        return self._previewed(request, meter, form, seen)

    @action("Undo replacement", permission="undo_replacement", icon="undo")
    def undo_replacement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        meter: Meter = self.object_or_404(request, object_id)  # type: ignore[attr-defined]
        if request.method != "POST":
            words = {"title": f"Undo: {meter} took another meter's place", "intro": UNDO}
            return confirm(request, self, meter, submit_words="Undo", **words)  # type: ignore[arg-type]
        current = get_object_or_404(meter.installations, ends_at=None)
        try:
            hanging = replacement.undo(installation_id=current.pk, now=timezone.now())
        except replacement.CannotUndo as error:
            messages.warning(request, str(error))
            return HttpResponseRedirect(object_url(meter))
        self.log_change(request, meter, f"Undone: {hanging.meter} hangs again.")  # type: ignore[attr-defined]
        messages.success(request, f"{hanging.meter} hangs again.")
        return HttpResponseRedirect(object_url(hanging.meter))

    def _asked(self, request: HttpRequest, meter: Meter, form: ReplaceForm) -> HttpResponse:
        words = {"title": f"Replace {meter}", "intro": INTRO, "submit_words": "Preview"}
        page: Any = self
        return ask(request, page, meter, form=form, template="portal/counter.html", **words)

    def _previewed(
        self, request: HttpRequest, meter: Meter, form: ReplaceForm, seen: Preview
    ) -> HttpResponse:
        page: Any = self
        return ask(
            request,
            page,
            meter,
            title=f"Confirm: replace {meter}",
            form=form,
            seen=seen,
            facts=_facts(meter, seen),
            submit_words="Replace",
            template="portal/replacement_preview.html",
        )


def _facts(meter: Meter, seen: Preview) -> list[tuple[str, str]]:
    unit = meter.utility.unit

    def kilo(value: int) -> str:
        return formats.quantity_text(value, unit)

    removed, installed = seen.replaced.removed, seen.replaced.installed
    last = seen.last
    read = f"{kilo(last.value)} at {_local(last.taken_at)}" if last else "None"
    return [
        ("Unit", str(removed.unit or "The estate")),
        ("When", _local(installed.starts_at)),
        ("Last reading of the old meter", read),
        (f"{meter} ends at", kilo(removed.closing_value or 0)),
        ("Used since that reading", kilo(seen.since_last)),
        (f"{installed.meter} begins at", kilo(installed.opening_value)),
        ("Used this month, which stays", kilo(seen.month_to_date)),
    ]


def _local(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
