"""API keys in the portal: made and shown once, narrowed, rotated, revoked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
)

from accounts import keys, scopes
from accounts.admin import SuperAdminMixin
from accounts.keys import Made
from accounts.models import ApiKey
from estates.models import Estate
from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, become
from quantify.portal.pages import ask, show_once

OWN = ["user", "name", "scopes", "estates", "expires_at"]
KEPT = ["prefix", "last_used_at", "created_at"]


class ApiKeyForm(forms.ModelForm):
    """What a key may do, and where."""

    scopes = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Write includes read. People, roles and keys are never changed with a key.",
    )
    estates = forms.ModelMultipleChoiceField(
        Estate.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None: every estate that the person works for.",
    )

    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes", "estates", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [name for name in self.instance.scopes or () if name not in scopes.BROAD]
        self.fields["scopes"].choices = [(name, name) for name in (*scopes.BROAD, *own)]  # type: ignore[attr-defined]
        self.fields["estates"].queryset = Estate.objects.alive().order_by("code")  # type: ignore[attr-defined]

    def clean_estates(self) -> list[Any] | None:
        return [estate.pk for estate in self.cleaned_data["estates"]] or None


class RotationForm(forms.Form):
    """For how long the old key still works."""

    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=int(keys.LONGEST_OVERLAP.total_seconds() // 3600),
        initial=24,
        label="Hours until the old key ends",
        widget=UnfoldAdminIntegerFieldWidget,
    )


@admin.register(ApiKey)
class ApiKeyAdmin(SuperAdminMixin, ArchiveAdmin):
    """What programs sign in with; deleting one revokes it, for good."""

    form = ApiKeyForm
    list_display = [
        "name",
        columns.text("prefix", "Begins with"),
        columns.text("user.username", "Acts for"),
        columns.moment("last_used_at", "Last used"),
        columns.moment("expires_at", "Ends"),
        columns.flag("deleted_at", "State", yes=("Revoked", "danger"), no=("In use", "success")),
    ]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    ordering = ["-created_at", "id"]
    autocomplete_fields = ["user"]
    actions_detail = ["rotate"]
    refusals = {keys.Rotated: "", keys.Expired: ""}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*OWN, *KEPT] if obj else OWN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["user", *KEPT] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_over = obj is not None and obj.deleted_at is not None
        return super().has_change_permission(request, obj) and not is_over

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_rotate_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self.has_change_permission(request, self.get_object(request, object_id))

    def save_model(
        self,
        request: HttpRequest,
        obj: ApiKey,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            become(obj, keys.change(key=obj, at=timezone.now(), **form.cleaned_data))
            return
        made = keys.make(at=timezone.now(), **form.cleaned_data)
        become(obj, made.key)
        request.made_key = made  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._once(request, request.made_key)  # type: ignore[attr-defined]

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        keys.revoke(key=obj, at=timezone.now())

    @action("Rotate", permission="rotate", icon="sync")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the key that takes this one's place."""
        key = self.object_or_404(request, object_id)
        form = RotationForm(request.POST or None)
        if form.is_valid():
            overlap = timedelta(hours=form.cleaned_data["overlap_hours"])
            try:
                made = keys.rotate(key=key, overlap=overlap, at=timezone.now())
            except (keys.Rotated, keys.Expired) as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, key, "Rotated.")
                return self._once(request, made)
        intro = "The new key can do what this one can; both work until the old one ends."
        title = f"Rotate {key.name}"
        return ask(request, self, key, title=title, intro=intro, form=form, submit_words="Rotate")

    def _once(self, request: HttpRequest, made: Made) -> HttpResponse:
        return show_once(
            request,
            self,
            made.key,
            title=f"The key of {made.key.name}",
            intro="Give it to the program as Authorization: Bearer.",
            secret=made.text,
        )
