"""Forms for devices."""

from typing import Any

from django import forms

from meters import addresses
from meters.models import Installation, Meter


class MeterForm(forms.ModelForm):
    """A meter behind a concentrator has its address there, and stands in the same estate."""

    class Meta:
        model = Meter
        fields = (
            "estate", "serial", "kind", "manufacturer", "model", "communication_type",
            "concentrator", "logical_device", "gateway_address", "ipv6_address", "has_relay",
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
