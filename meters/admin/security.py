"""The keys of meters: given, never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminPasswordWidget

from meters import keys
from meters.keys import BadKeys, Secrets
from meters.models import MeterKeys
from quantify.portal import columns
from quantify.portal.base import PortalAdmin, become
from quantify.portal.filters import EstateFilter
from quantify.sealing import NoSecret


class MeterKeysForm(forms.ModelForm):
    """What a meter is opened with: typed in, never shown again."""

    password = forms.CharField(required=False, widget=UnfoldAdminPasswordWidget)
    encryption_key = forms.CharField(
        required=False, widget=UnfoldAdminPasswordWidget, help_text="32 hexadecimal digits."
    )
    authentication_key = forms.CharField(
        required=False, widget=UnfoldAdminPasswordWidget, help_text="32 hexadecimal digits."
    )

    class Meta:
        model = MeterKeys
        fields = ("meter",)

    @property
    def given(self) -> Secrets:
        return Secrets(*(self.cleaned_data.get(name, "").strip() for name in Secrets._fields))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            self.instance.level = self.given.level
        except BadKeys as error:
            self.add_error(None, str(error))
        return cleaned


@admin.register(MeterKeys)
class MeterKeysAdmin(PortalAdmin):
    form = MeterKeysForm
    refusals = {NoSecret: ""}
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.choice("level"),
        columns.text("refusals"),
        columns.moment("held_at", "Held since"),
    ]
    list_filter = [("meter__estate", EstateFilter), "level"]
    search_fields = ["meter__serial"]
    autocomplete_fields = ["meter"]
    ordering = ["meter__serial", "id"]
    fields = ["meter", "password", "encryption_key", "authentication_key"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["meter"] if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: MeterKeys,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        assert isinstance(form, MeterKeysForm)  # noqa: S101 - the form of this page
        become(obj, keys.give(meter=obj.meter, given=form.given))

    def title_of(self, obj: MeterKeys) -> str:
        return f"Keys of {obj.meter.serial}"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # The spent counters are remembered with them.
        return False
