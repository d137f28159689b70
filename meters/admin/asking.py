"""Asking a meter for a stretch of time anew, in the portal."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from meters.collecting import stretches
from meters.models import Meter
from meters.tasks import collect
from quantify.periods import floor_to_interval
from quantify.portal.actions import action
from quantify.portal.pages import ask, object_url

INTRO = (
    "The meter is asked for everything it kept of this time, also where it had no rows before. "
    "What is known already changes nothing."
)
A_DAY = timedelta(days=1)


def _moment(label: str) -> forms.SplitDateTimeField:
    return forms.SplitDateTimeField(
        label=label,
        help_text="Local time of the estate.",
        widget=UnfoldAdminSplitDateTimeWidget,
    )


class StretchForm(forms.Form):
    """From when to when a meter is asked, in the estate's time."""

    start = _moment("From")
    end = _moment("To")

    def __init__(self, *args: Any, meter: Meter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = meter.estate.zone
        latest = floor_to_interval(timezone.now()).astimezone(self._zone).replace(tzinfo=None)
        self.initial.update(start=latest - A_DAY, end=latest)

    def clean(self) -> dict[str, Any]:
        given = {
            # What was typed is the estate's time, whatever time the portal shows.
            name: timezone.make_naive(at).replace(tzinfo=self._zone)
            for name, at in self.cleaned_data.items()
        }
        if len(given) == len(self.fields):
            try:
                stretches.check(given["start"], given["end"], now=timezone.now())
            except stretches.NotAskable as error:
                self.add_error("end", str(error))
        return given


class AskingMixin:
    """The button and the page, for the meter's page."""

    def has_ask_again_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("meters.collect_concentrator"):
            return False
        meter = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        return meter is None or meter.concentrator_id is not None

    @action("Ask again", permission="ask_again", icon="history")
    def ask_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        page: Any = self
        meter: Meter = page.object_or_404(request, object_id)
        form = StretchForm(request.POST or None, meter=meter)
        if not form.is_valid():
            words = {"title": f"Ask {meter} again", "intro": INTRO, "submit_words": "Ask"}
            return ask(request, page, meter, form=form, **words)
        start, end = (form.cleaned_data[name].isoformat() for name in ("start", "end"))
        collect.delay(
            concentrator_id=str(meter.concentrator_id), serial=meter.serial, start=start, end=end
        )
        page.log_change(request, meter, f"Asked again for {start} to {end}.")
        messages.success(request, "The meter is asked; what it tells appears within minutes.")
        return HttpResponseRedirect(object_url(meter))
