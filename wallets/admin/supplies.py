"""
What credit does to a supply: cutting and restoring by hand, and the switch that stops all cuts.

Metering stands below wallets and knows nothing of credit, so the pages of units and meters are
extended from here.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant

from accounts.admin import SuperAdminMixin
from accounts.people import signed_in
from meters.admin.devices import MeterAdmin
from meters.control import requests
from meters.models import Command, Meter
from quantify.portal import columns
from quantify.portal.actions import action
from quantify.portal.base import PortalAdmin
from quantify.portal.pages import ReasonForm, ask, object_url
from units.admin import UnitAdmin
from units.models import Unit
from wallets import ledger
from wallets.credit import control, restores
from wallets.models import CreditSwitch
from wallets.office import retirement

admin.site.unregister([Unit, Meter])

CUT = (
    "The supply is closed as soon as the meter answers. The guards are asked again when the "
    "command is sent: a protected supply is not cut."
)
RESTORE = (
    "The supply is opened as soon as the meter answers. Some meters then wait for the resident "
    "to press their button."
)
READ = "The meter is asked how its relay stands. Nothing is switched."


@admin.register(Unit)
class UnitWithWalletAdmin(UnitAdmin):
    list_display = [*UnitAdmin.list_display, columns.money("wallet.balance", "Balance")]
    list_select_related = ["wallet", "estate"]
    undeletable = (retirement.UnitInUse, ledger.LedgerBusy)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("wallet")

    def delete_model(self, request: HttpRequest, obj: Unit) -> None:
        retirement.retire(unit_id=obj.pk, at=timezone.now())


@admin.register(Meter)
class SupplyAdmin(MeterAdmin):
    """A meter whose supply may be cut and restored by a person, with a reason."""

    actions_detail = [
        "disconnect",
        "reconnect",
        "read_relay",
        "replace",
        "undo_replacement",
        "enter_reading",
        "ask_again",
        "restore",
    ]

    def has_operate_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not request.user.has_perm("meters.operate_meter"):
            return False
        meter = self.get_object(request, object_id)
        return meter is None or (meter.has_relay and meter.deleted_at is None)

    @action("Disconnect", permission="operate", icon="power_off", variant=ActionVariant.DANGER)
    def disconnect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._request(request, object_id, Command.Action.DISCONNECT, CUT)

    @action("Reconnect", permission="operate", icon="power", variant=ActionVariant.SUCCESS)
    def reconnect(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._request(request, object_id, Command.Action.RECONNECT, RESTORE)

    @action("Read the relay", permission="operate", icon="help_center")
    def read_relay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._request(request, object_id, Command.Action.READ, READ)

    def _request(
        self, request: HttpRequest, object_id: str, order: Command.Action, intro: str
    ) -> HttpResponse:
        meter = self.object_or_404(request, object_id)
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                command = control.request_by_person(
                    meter=meter,
                    action=order,
                    reason=form.cleaned_data["reason"],
                    user=signed_in(request),
                    now=timezone.now(),
                )
            except (requests.NoRelay, requests.CommandOpen) as error:
                form.add_error(None, str(error) or "Another command is under way.")
            else:
                messages.success(request, f"{command} was requested for {meter}.")
                return HttpResponseRedirect(object_url(command))
        return ask(
            request,
            self,
            meter,
            title=f"{order.label} {meter.portal_title}",
            intro=intro,
            form=form,
            submit_words=order.label,
            submit_look="danger" if order == Command.Action.DISCONNECT else "primary",
        )


class SwitchForm(forms.ModelForm):
    """Why cuts are stopped or allowed again is always written down."""

    class Meta:
        model = CreditSwitch
        fields = ("is_inhibited", "reason")
        labels = {"is_inhibited": "No supply is cut by itself"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True


@admin.register(CreditSwitch)
class CreditSwitchAdmin(SuperAdminMixin, PortalAdmin):
    """One row: while the switch is on, credit control warns but cuts nobody."""

    form = SwitchForm
    list_display = [
        columns.flag(
            "is_inhibited", "Cuts", yes=("Inhibited", "danger"), no=("Allowed", "success")
        ),
        columns.text("reason"),
        columns.text("changed_by", "By"),
        columns.moment("updated_at", "Changed"),
    ]
    fields = ["is_inhibited", "reason", "changed_by", "updated_at"]
    readonly_fields = ["changed_by", "updated_at"]
    ordering = ["id"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # There is one switch; its list would only be in the way.
        switch = self.get_queryset(request).first()
        if switch is None or not self.has_view_permission(request):
            answer: HttpResponse = super().changelist_view(request, extra_context)
            return answer
        return HttpResponseRedirect(object_url(switch))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        # Not asked by `has_add_permission`: each page's list of apps would ask it.
        if CreditSwitch.objects.exists():
            raise PermissionDenied
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        only = {**(extra_context or {}), "show_save_and_add_another": False}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, only)
        return answer

    def save_model(
        self,
        request: HttpRequest,
        obj: CreditSwitch,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        obj.changed_by, obj.identity = signed_in(request), restores.identity()
        super().save_model(request, obj, form, change)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:index"))
