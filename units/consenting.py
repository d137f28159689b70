"""Consents in the portal: taken and withdrawn on the resident's page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from quantify.portal.actions import action
from quantify.portal.base import ReadOnlyInline
from quantify.portal.pages import ask, object_url
from units import consents
from units.models import Consent, Resident


class ConsentForm(forms.Form):
    """To what somebody consents, and how they said so."""

    purpose = forms.ChoiceField(
        label="To what", choices=Consent.Purpose.choices, widget=UnfoldAdminSelectWidget
    )
    channel = forms.ChoiceField(choices=Consent.Channel.choices, widget=UnfoldAdminSelectWidget)
    wording = forms.CharField(
        max_length=100,
        required=False,
        help_text="Title and version of the text that was agreed to.",
        widget=UnfoldAdminTextInputWidget,
    )
    given_at = forms.SplitDateTimeField(
        label="When", initial=timezone.now, widget=UnfoldAdminSplitDateTimeWidget
    )


class WithdrawalForm(forms.Form):
    """Which consent is withdrawn, and when that was said."""

    consent = forms.ModelChoiceField(Consent.objects.none(), widget=UnfoldAdminSelectWidget)
    withdrawn_at = forms.SplitDateTimeField(
        label="When", initial=timezone.now, widget=UnfoldAdminSplitDateTimeWidget
    )

    def __init__(self, *args: Any, resident: Resident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        standing = resident.consents.standing().order_by("given_at")
        self.fields["consent"].queryset = standing  # type: ignore[attr-defined]


class ConsentInline(ReadOnlyInline):
    """What the resident agreed to; withdrawn consents stay."""

    model = Consent
    fields = ["purpose", "channel", "wording", "given_at", "withdrawn_at"]
    ordering = ["-given_at", "-id"]
    show_change_link = False


class ConsentingMixin:
    """The buttons of a resident's page for what they consent to."""

    def has_take_consent_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("units.add_consent")

    def has_withdraw_consent_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("units.change_consent"):
            return False
        page: Any = self
        resident = page.get_object(request, object_id)
        return resident is not None and resident.consents.standing().exists()

    @action("Take a consent", permission="take_consent", icon="order_approve")
    def take_consent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask to what and how, and keep it."""
        page: Any = self
        resident: Resident = page.object_or_404(request, object_id)
        form = ConsentForm(request.POST or None)
        if form.is_valid():
            try:
                consents.give(resident=resident, now=timezone.now(), **form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                messages.success(request, "The consent is kept.")
                return HttpResponseRedirect(object_url(resident))
        return ask(
            request, page, resident, title=f"Consent of {resident}", form=form,
            submit_words="Keep the consent",
        )  # fmt: skip

    @action("Withdraw a consent", permission="withdraw_consent", icon="undo")
    def withdraw_consent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask which, and keep that it was withdrawn."""
        page: Any = self
        resident: Resident = page.object_or_404(request, object_id)
        form = WithdrawalForm(request.POST or None, resident=resident)
        if form.is_valid():
            try:
                consents.withdraw(now=timezone.now(), **form.cleaned_data)
            except (ValidationError, consents.AlreadyWithdrawn) as error:
                words = error.messages if isinstance(error, ValidationError) else str(error)
                form.add_error(None, words)
            else:
                messages.success(request, "The consent is withdrawn.")
                return HttpResponseRedirect(object_url(resident))
        return ask(
            request, page, resident, title=f"{resident} withdraws a consent", form=form,
            intro="What was agreed to stays on the page, with the day on which it ended.",
            submit_words="Withdraw", submit_look="danger",
        )  # fmt: skip
