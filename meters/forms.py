"""Forms for devices."""

from fractions import Fraction
from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from meters import addresses
from meters.lorawan import catalogue
from meters.models import Installation, LoraDevice, Meter, Register
from meters.replacement import Swap
from quantify.quantities import as_kilo, kilo


class MeterForm(forms.ModelForm):
    """A meter behind a concentrator has its address there, and stands in the same estate."""

    class Meta:
        model = Meter
        fields = (
            "estate", "serial", "kind", "manufacturer", "model", "communication_type",
            "concentrator", "logical_device", "gateway_address", "ipv6_address", "has_relay",
            "rating",
            "maximum_per_interval",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        concentrator = cleaned.get("concentrator")
        if concentrator and (lack := addresses.lack(concentrator, cleaned)):
            self.add_error(lack.field, lack.words)
        if concentrator and concentrator.estate != cleaned.get("estate"):
            self.add_error("concentrator", "This concentrator stands in another estate.")
        return cleaned


def _register(label: str, *, required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=required,
        min_value=0,
        max_digits=14,
        decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal"}),
    )


class DeviceForm(forms.Form):
    """Which meter a LoRaWAN device is the voice of, and what its pulses stand for."""

    meter = forms.ModelChoiceField(
        Meter.objects.none(),
        help_text="A meter of the same estate without concentrator and without another device.",
        widget=UnfoldAdminSelectWidget,
    )
    model = forms.ChoiceField(
        choices=[("", "Choose"), *catalogue.CHOICES], widget=UnfoldAdminSelectWidget
    )
    litres = forms.IntegerField(
        label="Litres or Wh ...", min_value=1, initial=1, widget=UnfoldAdminTextInputWidget
    )
    pulses = forms.IntegerField(
        label="... for so many pulses",
        min_value=1,
        initial=1,
        help_text="10 litres for 1 pulse, or 1 Wh for 2 pulses. A Qalcosonic W1 needs 1 for 1.",
        widget=UnfoldAdminTextInputWidget,
    )
    base = forms.DecimalField(
        label="The meter's dial when the device counted zero, kWh or kl",
        max_digits=14,
        decimal_places=3,
        initial=0,
        help_text="What the dial shows now, less what the device has counted since it was put up.",
        widget=UnfoldAdminDecimalFieldWidget,
    )
    offline_after_minutes = forms.IntegerField(
        label="Silent after minutes", min_value=15, max_value=60 * 24 * 30, initial=24 * 60,
        widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip

    def __init__(
        self, *args: Any, device: LoraDevice, choices: QuerySet[Meter], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        taken = LoraDevice.objects.filter(meter__isnull=False).exclude(pk=device.pk)
        fitting = choices.filter(estate=device.server.estate_id, concentrator=None)
        chooser = cast("forms.ModelChoiceField", self.fields["meter"])
        chooser.queryset = fitting.exclude(pk__in=taken.values("meter")).order_by("serial")
        self.initial = {
            "meter": device.meter_id,
            "model": device.model,
            "litres": device.per_pulse_numerator,
            "pulses": device.per_pulse_denominator,
            "base": as_kilo(device.base_value),
            "offline_after_minutes": device.offline_after_minutes,
        }

    def asked(self) -> dict[str, Any]:
        """What was filled in, as the operation takes it."""
        filled = self.cleaned_data
        return {
            "meter": filled["meter"],
            "model": filled["model"],
            "per_pulse": Fraction(filled["litres"], filled["pulses"]),
            "base_value": kilo(filled["base"]),
            "offline_after_minutes": filled["offline_after_minutes"],
        }


class ReplaceForm(forms.Form):
    """What both meters showed when one took the other's place, in kWh or kl."""

    new_meter = forms.ModelChoiceField(
        Meter.objects.none(),
        help_text="A meter of the same kind and estate that hangs nowhere.",
        widget=UnfoldAdminSelectWidget,
    )
    at = forms.SplitDateTimeField(
        label="When",
        help_text="A past quarter of an hour, local time, such as 08:15.",
        widget=UnfoldAdminSplitDateTimeWidget,
    )
    closing_value = _register("Old meter's last register, kWh or kl")
    opening_value = _register("New meter's first register, kWh or kl")
    closing_export = _register("Old meter's export register, kWh", required=False)
    opening_export = _register("New meter's export register, kWh", required=False)
    reason = forms.CharField(
        max_length=250, help_text="Kept with your name.", widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, *args: Any, meter: Meter, choices: QuerySet[Meter], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._meter = meter
        standing = Installation.objects.filter(ends_at=None)
        # A second click finds the new meter hanging here, and must find it all the same.
        here = standing.filter(unit__in=meter.installations.values("unit"))
        free = Q(pk__in=here.values("meter")) | ~Q(pk__in=standing.values("meter"))
        fitting = choices.filter(free, estate=meter.estate_id, kind=meter.kind)
        chooser = cast("forms.ModelChoiceField", self.fields["new_meter"])
        chooser.queryset = fitting.exclude(pk=meter.pk).order_by("serial")
        if Register.Channel.EXPORT not in meter.registers.values_list("channel", flat=True):
            del self.fields["closing_export"], self.fields["opening_export"]

    def swap(self) -> Swap:
        """What was filled in, in whole Wh or litres."""
        filled = self.cleaned_data

        def further(name: str) -> dict[int, int]:
            value = filled.get(name)
            return {} if value is None else {Register.Channel.EXPORT.value: kilo(value)}

        return Swap(
            old=self._meter,
            new=filled["new_meter"],
            at=filled["at"],
            closing=kilo(filled["closing_value"]),
            opening=kilo(filled["opening_value"]),
            reason=filled["reason"],
            further_closing=further("closing_export"),
            further_opening=further("opening_export"),
        )


ENDS = {
    "ends_at": "Give the moment of the closing register too.",
    "closing_value": "Give the closing register too.",
}


class InstallationForm(forms.ModelForm):
    """Where a meter hangs; its kind follows from the meter, so that all rules can be checked."""

    class Meta:
        model = Installation
        fields = ("meter", "unit", "starts_at", "ends_at", "opening_value", "closing_value")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        meter = cleaned.get("meter") or getattr(self.instance, "meter", None)
        if meter is None:
            return cleaned
        self.instance.kind = meter.kind
        unit = cleaned.get("unit")
        if unit and unit.estate_id != meter.estate_id:
            self.add_error("unit", "This unit stands in another estate.")
        missing = [name for name in ENDS if name in cleaned and cleaned[name] is None]
        if len(missing) == 1:
            self.add_error(missing[0], ENDS[missing[0]])
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        # The kind is known by now, and the rules on overlaps need it.
        return super()._get_validation_exclusions() - {"kind"}  # type: ignore[misc, no-any-return]
