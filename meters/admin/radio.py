"""Network servers, the devices that were heard, and what they sent."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminPasswordWidget

from meters.forms import DeviceForm
from meters.lorawan import catalogue
from meters.models import LoraDevice, Meter, NetworkServer, Uplink
from meters.radio import devices, servers
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, ReadOnlyAdmin, Related, become
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, confirm, object_url
from quantify.sealing import NoSecret

OUTCOME = {"waiting": "warning", "read": "success", "unreadable": "danger"}
REGISTER = (
    "The device becomes the voice of the meter. What it has sent so far is read at once, "
    "as far as it is kept."
)
RELEASE = "The meter keeps its readings. What the device sends from now on is kept, and not read."
ROTATE = (
    "You are shown a new secret once. The present one is taken for another 24 hours, so that "
    "ChirpStack can be given the new one without losing anything."
)


class NetworkServerForm(forms.ModelForm):
    """A network server, and the API key for orders: typed in, never shown again."""

    api_key = forms.CharField(
        label="API key for orders",
        required=False,
        widget=UnfoldAdminPasswordWidget,
        help_text="Made in ChirpStack, for a tenant. Left empty, the one that is stored stays; it "
        "goes with the address.",
    )

    class Meta:
        model = NetworkServer
        fields = ("estate", "name", "is_enabled", "api_address")

    @property
    def access(self) -> dict[str, str]:
        """Address and key, as the operation takes them."""
        filled = self.cleaned_data
        return {"address": filled["api_address"].strip().rstrip("/"), "api_key": filled["api_key"]}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned.setdefault("api_address", "")
        before = NetworkServer.objects.filter(pk=self.instance.pk).first()
        try:
            servers.check_access(**self.access, before=before.api_address if before else "")
        except servers.BadAccess as error:
            self.add_error(None, str(error))
        return cleaned


@admin.register(NetworkServer)
class NetworkServerAdmin(ArchiveAdmin):
    form = NetworkServerForm
    refusals = {NoSecret: ""}
    list_display = [
        "name",
        columns.text("estate.code", "Estate"),
        columns.flag("is_enabled", "Events", yes=("Taken", "success"), no=("Refused", "warning")),
        columns.flag("api_sealed", "Orders", yes=("Possible", "success"), no=("No key", "muted")),
        columns.moment("last_event_at", "Last event"),
        columns.text("last_problem", "Last problem"),
    ]
    list_filter = [("estate", EstateFilter), "is_enabled"]
    search_fields = ["name", "estate__code"]
    ordering = ["estate__code", "name", "id"]
    autocomplete_fields = ["estate"]
    actions_detail = ["new_secret", "restore"]
    readonly_fields = ["key_id", "last_event_at", "last_problem"]
    fieldsets = [
        (None, {"fields": ["estate", "name", "is_enabled"]}),
        ("Orders to relays", {"fields": ["api_address", "api_key"]}),
        ("State", {"fields": ["key_id", "last_event_at", "last_problem"]}),
    ]
    related = [
        Related("Devices", "settings_input_antenna", "meters.loradevice", "server__id__exact")
    ]

    def title_of(self, obj: NetworkServer) -> str:
        return f"{obj.name} ({obj.estate.code})"

    def has_new_secret_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("meters.change_networkserver")

    @action("New secret", permission="new_secret", icon="key")
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        server = self.object_or_404(request, object_id)
        if request.method != "POST":
            words = {"title": f"New secret for {server}", "intro": ROTATE}
            return confirm(request, self, server, submit_words="Make a new secret", **words)
        secret = servers.rotate(server=server, now=timezone.now())
        self.log_change(request, server, "New secret.")
        _show(request, secret)
        return HttpResponseRedirect(object_url(server))

    def save_model(
        self,
        request: HttpRequest,
        obj: NetworkServer,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        assert isinstance(form, NetworkServerForm)  # noqa: S101 - the form of this page
        with transaction.atomic():
            if not change:
                filled = form.cleaned_data
                server, secret = servers.register(estate=filled["estate"], name=filled["name"])
                become(obj, server)
            servers.give_access(server=obj, **form.access)
            if change:
                super().save_model(request, obj, form, change)
        if not change:
            _show(request, secret)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # It is switched off instead: what its devices sent stays.
        return False


@admin.register(LoraDevice)
class LoraDeviceAdmin(ReadOnlyAdmin):
    """A device is put on the list by being heard; a person makes it the voice of a meter."""

    list_display = [
        "dev_eui",
        columns.text("name"),
        columns.flag("meter_id", "State", yes=("Registered", "success"), no=("Unknown", "warning")),
        columns.text("meter.serial", "Meter"),
        columns.text("server.estate.code", "Estate"),
        columns.moment("last_uplink_at", "Last uplink"),
        columns.text("battery_percent", "Battery, %"),
        columns.text("rssi", "Signal, dBm"),
        columns.text("problem"),
    ]
    list_filter = [
        ("server__estate", EstateFilter),
        ("meter", admin.EmptyFieldListFilter),
        ("model", ChoicesDropdownFilter),
    ]
    search_fields = ["dev_eui", "name", "meter__serial"]
    ordering = ["-last_uplink_at", "-id"]
    list_select_related = ["meter", "server__estate"]
    actions_detail = ["register_meter", "release"]
    readonly_fields = ["pulse", columns.quantity("base_value", "Dial at pulse zero")]
    fieldsets = [
        (None, {"fields": ["dev_eui", "name", "profile", "server", "problem"]}),
        ("Meter", {"fields": ["meter", "model", "pulse", readonly_fields[1]]}),
        (
            "Radio",
            {
                "fields": [
                    "last_uplink_at", "frame_counter", "rssi", "snr", "gateway", "battery_percent",
                    "battery_at", "clock_drift_seconds", "offline_after_minutes", "is_closed",
                ]
            },
        ),
    ]  # fmt: skip
    related = [Related("Uplinks", "sensors", "meters.uplink", "device__id__exact")]

    @admin.display(description="One pulse")
    def pulse(self, device: LoraDevice) -> str:
        decoder = device.decoder
        if device.meter is None or decoder is None or not decoder.counts_pulses:
            return str(formats.NOTHING)
        return f"{device.per_pulse} {device.meter.utility.base_unit}"

    def title_of(self, obj: LoraDevice) -> str:
        return f"{obj.dev_eui} {obj.name}".strip()

    def has_register_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("meters.register_loradevice"))

    def has_release_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not self.has_register_permission(request):
            return False
        device = self.get_object(request, object_id) if object_id else None
        return device is None or device.meter_id is not None

    @action("Register", permission="register", icon="link")
    def register_meter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        device = self.object_or_404(request, object_id)
        choices = Meter.objects.visible_to(request.user).alive()
        form = DeviceForm(request.POST or None, device=device, choices=choices)
        if form.is_valid():
            try:
                outcome = devices.register(device_id=device.pk, **form.asked())
            except devices.CannotRegister as error:
                form.add_error(None, str(error))
            else:
                meter = form.cleaned_data["meter"]
                self.log_change(request, device, f"Registered for {meter}.")
                read = f"{outcome.read} kept uplinks were read, {outcome.unreadable} unreadable."
                messages.success(request, f"{device} is the voice of {meter}: {read}")
                return HttpResponseRedirect(object_url(device))
        words = {"title": f"Register {device}", "intro": REGISTER, "submit_words": "Register"}
        return ask(request, self, device, form=form, **words)

    @action("Release", permission="release", icon="link_off")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        device = self.object_or_404(request, object_id)
        if request.method != "POST":
            words = {"title": f"Release {device} from {device.meter}", "intro": RELEASE}
            return confirm(request, self, device, submit_words="Release", **words)
        devices.release(device_id=device.pk)
        self.log_change(request, device, "Released.")
        messages.success(request, f"{device} stands for no meter now.")
        return HttpResponseRedirect(object_url(device))


@admin.register(Uplink)
class UplinkAdmin(ReadOnlyAdmin):
    list_display = [
        columns.moment("heard_at", "Heard"),
        columns.text("device.dev_eui", "Device"),
        columns.text("frame_counter", "Counter"),
        columns.text("port"),
        "payload_hex",
        columns.chip("outcome", OUTCOME),
        columns.text("problem"),
    ]
    list_filter = [("device__server__estate", EstateFilter), ("outcome", ChoicesDropdownFilter)]
    search_fields = ["device__dev_eui"]
    ordering = ["-heard_at", "-id"]
    list_select_related = ["device__server__estate"]
    fields = [
        "device", "heard_at", "created_at", "session", "frame_counter", "port", "payload_hex",
        "meaning", "rssi", "snr", "outcome", "problem", "deduplication_id",
    ]  # fmt: skip
    readonly_fields = ["payload_hex", "meaning", "created_at"]

    @admin.display(description="Payload")
    def payload_hex(self, uplink: Uplink) -> str:
        return format_html("<code>{}</code>", bytes(uplink.payload).hex(" "))

    @admin.display(description="What it says")
    def meaning(self, uplink: Uplink) -> str:
        decoder = catalogue.MODELS.get(uplink.device.model)
        if decoder is None:
            return "Choose the device's model by registering it."
        try:
            told = decoder.observe(bytes(uplink.payload), uplink.port)
        except ValueError as error:
            return str(error)
        counts = ", ".join(str(count.value) for count in told.counts) or "nothing"
        raised = ", ".join(sorted(told.raised)).replace("_", " ") or "nothing"
        battery = "" if told.battery_percent is None else f"; battery {told.battery_percent} %"
        return f"Counted {counts}; reported {raised}{battery}."

    def title_of(self, obj: Uplink) -> str:
        return f"{obj.device.dev_eui}: {obj}"


def device_summary(device: LoraDevice) -> str:
    """Battery, signal and the last uplink of a device, linked to its page."""
    said = [
        "Battery not known" if device.battery_percent is None
        else f"Battery {device.battery_percent} %",
        "signal not known" if device.rssi is None else f"signal {device.rssi} dBm",
    ]  # fmt: skip
    if device.snr is not None:
        said.append(f"{device.snr:.1f} dB above noise")
    if device.last_uplink_at:
        said.append(f"last heard {formats.ago(device.last_uplink_at, timezone.now())}")
    return formats.link(object_url(device), ", ".join(said))


def _show(request: HttpRequest, secret: str) -> None:
    words = "Copy the secret now, it is not shown again. ChirpStack sends it as the header"
    messages.warning(request, f"{words} X-Quantify-Secret: {secret}")
