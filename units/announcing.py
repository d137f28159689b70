"""Announcing in the portal: what and to whom, who would be written to, and a yes."""

from hashlib import sha256
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from accounts.people import signed_in
from estates.models import Estate
from notifications.recipients import Recipient
from quantify.portal.actions import action
from quantify.portal.pages import ask, list_url
from units import announcements
from units.announcements import Audience
from units.models import Unit

SHOWN = 200
TITLE = "Announce"
INTRO = (
    "Goes to the tenants of each home, or to its owners where nobody rents it, by e-mail, SMS and "
    "in the app, as far as they are reached that way. You see to whom before it is sent."
)


class AnnouncementForm(forms.Form):
    """To one unit, to a building, or to the whole estate."""

    estate = forms.ModelChoiceField(Estate.objects.none(), widget=UnfoldAdminSelectWidget())
    building = forms.CharField(
        required=False, help_text="Empty: all buildings.", widget=UnfoldAdminTextInputWidget()
    )
    unit_number = forms.CharField(
        required=False, help_text="Empty: all units.", widget=UnfoldAdminTextInputWidget()
    )
    title = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget())
    text = forms.CharField(max_length=3000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        estates = Estate.objects.visible_to(user).alive().order_by("code")
        self.fields["estate"].queryset = estates  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Find the unit, which is of the estate."""
        cleaned: dict[str, Any] = super().clean() or {}
        estate, number = cleaned.get("estate"), cleaned.get("unit_number")
        if estate is not None and number:
            units = Unit.objects.alive().filter(estate=estate, unit_number__iexact=number)
            cleaned["unit"] = units.first()
            if cleaned["unit"] is None:
                self.add_error("unit_number", "The estate has no unit with this number.")
        return cleaned

    @property
    def audience(self) -> Audience:
        given = self.cleaned_data
        unit = given.get("unit")
        building = "" if unit else given["building"]
        return Audience(estate=given["estate"], building=building, unit=unit)


class AnnouncingMixin:
    """The button and the pages of an announcement, for the list of residents."""

    def has_announce_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("notifications.announce_notification")

    @action(TITLE, permission="announce", icon="campaign")
    def announce(self, request: HttpRequest) -> HttpResponseBase:
        """Ask what and to whom, show who that is, and send it once a person says yes."""
        page: Any = self
        form = AnnouncementForm(request.POST or None, user=signed_in(request))
        words: dict[str, Any] = {"title": TITLE, "intro": INTRO, "submit_words": "Preview"}
        if not form.is_valid():
            return ask(request, page, None, form=form, **words)
        people = announcements.reached(form.audience, now=timezone.now())
        if not people:
            form.add_error(None, f"Nobody lives in or owns {form.audience}.")
            return ask(request, page, None, form=form, **words)
        # Who moved in between preview and yes is shown first.
        if request.POST.get("reached") != _mark(people):
            return ask(
                request, page, None, title="Who would be told", form=form, people=people[:SHOWN],
                count=len(people), left_out=max(len(people) - SHOWN, 0), mark=_mark(people),
                audience=str(form.audience), template="portal/announcement_preview.html",
            )  # fmt: skip
        given = form.cleaned_data
        announcements.announce(
            audience=form.audience, title=given["title"], text=given["text"], now=timezone.now()
        )
        messages.success(request, f"Announced to {len(people)} people: {form.audience}.")
        return HttpResponseRedirect(list_url(page))


def _mark(people: list[Recipient]) -> str:
    return sha256("\n".join(person.key for person in people).encode()).hexdigest()
