"""Entering a reading by hand in the portal: what it would mean first, then stored."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
)

from meters import rehearsal
from meters.manual import ManualEntry, ManualOutcome, record_manual
from meters.models import Meter, Register
from meters.rehearsal import Meaning
from quantify.periods import floor_to_interval
from quantify.portal import formats
from quantify.portal.actions import action
from quantify.portal.pages import ask, object_url
from quantify.quantities import kilo

INTRO = (
    "What you read off the dial. You see what it would mean before it is stored; once stored it "
    "stays, and a wrong one is corrected among the exceptions."
)


class EntryForm(forms.Form):
    """What a person read off a meter, in kWh or kl."""

    channel = forms.TypedChoiceField(label="Register", coerce=int, widget=UnfoldAdminSelectWidget)
    taken_at = forms.SplitDateTimeField(
        label="When",
        help_text="A past quarter of an hour, local time of the estate, such as 08:15.",
        widget=UnfoldAdminSplitDateTimeWidget,
    )
    value = forms.DecimalField(
        label="Register shows",
        min_value=0,
        max_digits=15,
        decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal"}),
    )

    def __init__(self, *args: Any, meter: Meter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = meter.estate.zone
        choices = [(one, Register.Channel(one).label) for one in _channels(meter)]
        if len(choices) > 1:
            chooser: Any = self.fields["channel"]
            chooser.choices = choices
        else:
            del self.fields["channel"]
        self.fields["value"].help_text = f"In {meter.utility.unit}."
        latest = floor_to_interval(timezone.now()).astimezone(self._zone)
        self.initial.setdefault("taken_at", latest.replace(tzinfo=None))

    def clean_taken_at(self) -> Any:
        # What was typed is the estate's time, whatever time the portal shows.
        return timezone.make_naive(self.cleaned_data["taken_at"]).replace(tzinfo=self._zone)

    def entry(self) -> ManualEntry:
        filled = self.cleaned_data
        return ManualEntry(filled["taken_at"], filled["value"], filled.get("channel"))


class EnteringMixin:
    """The button and the pages of a reading by hand, for the meter's page."""

    def has_enter_reading_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("meters.add_reading"):
            return False
        meter = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        return meter is None or (meter.deleted_at is None and bool(_channels(meter)))

    @action("Enter reading", permission="enter_reading", icon="edit_note")
    def enter_reading(self, request: HttpRequest, object_id: str) -> HttpResponse:
        meter: Meter = self.object_or_404(request, object_id)  # type: ignore[attr-defined]
        form = EntryForm(request.POST or None, meter=meter)
        if "_edit" in request.POST or not form.is_valid():
            return self._asked_for_reading(request, meter, form)
        entry, now = form.entry(), timezone.now()
        if "_confirm" in request.POST:
            (outcome,) = record_manual(meter=meter, entries=[entry], now=now)
            if outcome.result in ("created", "duplicate"):
                return self._entered(request, meter, outcome)
        else:
            (seen,) = rehearsal.preview_manual(meter=meter, entries=[entry], now=now)
            outcome = seen.outcome
            if outcome.result == "created":
                return self._rehearsed(request, meter, form, seen)
        form.add_error("value", outcome.reason)
        return self._asked_for_reading(request, meter, form)

    def _asked_for_reading(
        self, request: HttpRequest, meter: Meter, form: EntryForm
    ) -> HttpResponse:
        page: Any = self
        words = {"title": f"Enter a reading of {meter}", "intro": INTRO, "submit_words": "Preview"}
        return ask(request, page, meter, form=form, template="portal/counter.html", **words)

    def _rehearsed(
        self, request: HttpRequest, meter: Meter, form: EntryForm, seen: Meaning
    ) -> HttpResponse:
        page: Any = self
        return ask(
            request,
            page,
            meter,
            title=f"Confirm: a reading of {meter}",
            form=form,
            facts=_facts(meter, seen),
            warnings=seen.warnings,
            submit_words="Store",
            template="portal/reading_preview.html",
        )

    def _entered(self, request: HttpRequest, meter: Meter, outcome: ManualOutcome) -> HttpResponse:
        page: Any = self
        value = formats.quantity_text(kilo(outcome.entry.value), meter.utility.unit)
        words = f"{value} at {outcome.entry.taken_at:%Y-%m-%d %H:%M}"
        if outcome.result == "created":
            page.log_change(request, meter, f"Reading by hand: {words}.")
            messages.success(request, f"The reading was stored: {words}.")
        else:
            messages.info(request, f"{outcome.reason} {words}.")
        return HttpResponseRedirect(object_url(meter))


def _channels(meter: Meter) -> list[int]:
    return list(meter.registers.order_by("channel").values_list("channel", flat=True))


def _facts(meter: Meter, seen: Meaning) -> list[tuple[str, str]]:
    unit, entry, previous = meter.utility.unit, seen.outcome.entry, seen.previous
    zone = meter.estate.zone

    def text(value: int | None) -> str:
        return "Not known" if value is None else formats.quantity_text(value, unit)

    before = "None"
    if previous:
        before = f"{text(previous.stands)} at {previous.taken_at.astimezone(zone):%Y-%m-%d %H:%M}"
    return [
        ("When", f"{entry.taken_at:%Y-%m-%d %H:%M}"),
        ("Register shows", text(kilo(entry.value))),
        ("Reading before it", before),
        ("Used since then", text(seen.used)),
        ("Usual in a day", text(seen.usual_per_day)),
    ]
