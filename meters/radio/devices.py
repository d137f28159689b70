"""Making a device that was heard the voice of a meter, and taking that back."""

from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from meters.lorawan import catalogue, pulses
from meters.models.devices import Meter, Register
from meters.models.radio import LoraDevice
from meters.radio import decoding
from meters.radio.decoding import Outcome

LITRE_COUNTER_SPAN = 2**32


class CannotRegister(ValueError):
    """The device and the meter do not fit together."""


def register(
    *,
    device_id: UUID,
    meter: Meter,
    model: str,
    per_pulse: Fraction = Fraction(1),
    base_value: int = 0,
    **more: Any,
) -> Outcome:
    """
    Make a device the voice of a meter, and read what it has sent so far.

    ``per_pulse`` litres (Wh) are one pulse; ``base_value`` is the dial less the pulses so far.

    :raises CannotRegister: if model, estate or meter do not fit, or either is taken.
    """
    with transaction.atomic():
        device = LoraDevice.objects.select_for_update(of=("self",)).get(pk=device_id)
        _check(device, meter, model, per_pulse)
        device.meter, device.model, device.base_value = meter, model, base_value
        device.per_pulse_numerator = per_pulse.numerator
        device.per_pulse_denominator = per_pulse.denominator
        for name, value in more.items():
            setattr(device, name, value)
        try:
            with transaction.atomic():
                device.save()
        except IntegrityError as error:
            raise CannotRegister(f"{meter} has another LoRaWAN device.") from error
        _prepare(meter, model, per_pulse)
    return decoding.read_new(device.pk)


@transaction.atomic
def release(*, device_id: UUID) -> LoraDevice:
    """Take a device off its meter; its readings stay, what it sends is kept unread."""
    device = LoraDevice.objects.select_for_update(of=("self",)).get(pk=device_id)
    device.meter = None
    device.save(update_fields=["meter", "updated_at"])
    return device


def _check(device: LoraDevice, meter: Meter, model: str, per_pulse: Fraction) -> None:
    if model not in catalogue.MODELS:
        raise CannotRegister("Choose the model of the device.")
    if device.meter_id not in (None, meter.pk):
        raise CannotRegister("The device is the voice of another meter: release it first.")
    if device.server.estate_id != meter.estate_id:
        raise CannotRegister("The meter stands in another estate.")
    if meter.deleted_at is not None:
        raise CannotRegister("The meter was deleted.")
    if meter.concentrator_id is not None:
        raise CannotRegister("The meter is read through a concentrator.")
    if per_pulse <= 0:
        raise CannotRegister("A pulse stands for more than nothing.")


def _prepare(meter: Meter, model: str, per_pulse: Fraction) -> None:
    """A meter without readings gets the span of the device's counter."""
    meter.communication_type = Meter.CommunicationType.LORA
    meter.save(update_fields=["communication_type", "updated_at"])
    if meter.readings.exists():
        return
    counts_pulses = catalogue.MODELS[model].counts_pulses
    span = pulses.span(per_pulse) if counts_pulses else LITRE_COUNTER_SPAN
    Register.objects.filter(meter=meter).update(span=span)
