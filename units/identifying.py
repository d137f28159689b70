"""Identity documents in the portal: given in the resident's form, looked at with a reason."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.people import signed_in
from quantify.periods import local_day
from quantify.portal.actions import action
from quantify.portal.pages import ReasonForm, ask, object_url, show_once
from quantify.portal.refusals import Refusals
from quantify.sealing import NoSecret
from units import identities
from units.identity_numbers import countries
from units.models import Resident

FIELDS = ("document_kind", "document_country", "document_number")
HELP = "Kept encrypted. Leave it empty to keep the number that is stored."


class ResidentForm(forms.ModelForm):
    """A resident; the identity document is typed in, and shown by its ending."""

    document_kind = forms.ChoiceField(
        label="Identity document",
        choices=[("", "None"), *Resident.Identity.choices],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    document_country = forms.ChoiceField(
        label="Country of the passport", required=False, widget=UnfoldAdminSelectWidget
    )
    document_number = forms.CharField(
        label="Number",
        max_length=30,
        required=False,
        help_text=HELP,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Resident
        fields = ("estate", "first_name", "last_name", "phone", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = self.instance.identity
        named = [(code, name) for code, name in countries().items()]
        self.fields["document_country"].choices = [("", "-"), *named]  # type: ignore[attr-defined]
        if shown is not None:
            self.initial.update(document_kind=shown.kind, document_country=shown.country)
            self.fields["document_number"].widget.attrs["placeholder"] = shown.number

    def clean(self) -> dict[str, Any]:
        """Read the document, unless it stays as it is."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind, country, number = (cleaned.get(name, "") for name in FIELDS)
        if "document_kind" not in cleaned or (not number and self._is_kept(kind, country)):
            return cleaned
        cleaned["identity"] = None
        if kind:
            try:
                cleaned["identity"] = identities.read(
                    kind=kind, country=country, number=number, today=local_day(timezone.now())
                )
            except forms.ValidationError as error:
                for name, errors in error.error_dict.items():
                    self.add_error(f"document_{name}", errors)
        elif number:
            self.add_error("document_kind", "Say which document the number is of.")
        return cleaned

    def _is_kept(self, kind: str, country: str) -> bool:
        held = self.instance
        same_country = country in ("", held.identity_country)
        return bool(kind == held.identity_kind and same_country)


class IdentifyingMixin:
    """The document in the form of a resident, and the page that shows its number."""

    form = ResidentForm
    refusals: ClassVar[Refusals] = {NoSecret: "document_number"}

    def save_model(
        self,
        request: HttpRequest,
        obj: Resident,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if "identity" in form.cleaned_data:
            given = form.cleaned_data["identity"]
            columns = identities.columns(obj.pk, given, at=timezone.now())
            for name, value in columns.items():
                setattr(obj, name, value)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def has_reveal_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("units.reveal_resident"):
            return False
        page: Any = self
        resident = page.get_object(request, object_id)
        return resident is not None and resident.identity is not None

    @action("Show the number", permission="reveal", icon="visibility")
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, keep that in the audit trail, and show the number of the document."""
        page: Any = self
        resident: Resident = page.object_or_404(request, object_id)
        title = f"Identity document of {resident}"
        form = ReasonForm(request.POST or None)
        if not form.is_valid():
            intro = "That you looked at it, when and why, is kept in the audit trail."
            return ask(
                request, page, resident, title=title, intro=intro, form=form,
                submit_words="Show the number",
            )  # fmt: skip
        try:
            shown = identities.reveal(
                resident=resident, by=signed_in(request), reason=form.cleaned_data["reason"]
            )
        except NoSecret as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(object_url(resident))
        intro = f"{shown.kind.label}, {countries()[shown.country]}."
        return show_once(
            request, page, resident, title=title, intro=intro, secret=shown.number,
            remark="It is not kept in your browser.", done_words="Done",
        )  # fmt: skip
