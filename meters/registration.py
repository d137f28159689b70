"""Taking a meter on with the register it counts with, and parting with either."""

from datetime import datetime

from django.db import transaction

from meters.dlms.obis import LOAD_PROFILE, VOLUME, VOLUME_PROFILE
from meters.models.devices import Meter, Register
from meters.models.facts import DailyConsumption, Interval, Reading
from quantify.quantities import Utility

IMPORT_TOTAL = "1.0.1.8.0.255"


class StillInstalled(Exception):
    """The meter hangs somewhere."""


class RegisterUsed(Exception):
    """The register was read, or something was counted by it."""


@transaction.atomic
def register(**fields: object) -> Meter:
    """
    Create a meter and its main register.

    :raises django.core.exceptions.ValidationError: if a field or the serial is refused.
    """
    meter = Meter(**fields)
    meter.full_clean()
    meter.save()
    is_water = meter.utility is Utility.WATER
    Register.objects.create(
        meter=meter,
        channel=Register.Channel.VOLUME if is_water else Register.Channel.IMPORT,
        obis=VOLUME if is_water else IMPORT_TOTAL,
        profile_obis=VOLUME_PROFILE if is_water else LOAD_PROFILE,
    )
    return meter


@transaction.atomic
def retire(*, meter: Meter, at: datetime) -> None:
    """
    Archive a meter that hangs nowhere any more.

    :raises StillInstalled: if it does: its unit would be supplied by what nobody sees.
    """
    if meter.installations.filter(ends_at=None).exists():
        raise StillInstalled(
            f"Meter {meter.serial} hangs somewhere: remove it with its closing register first."
        )
    meter.deleted_at = at
    meter.save(update_fields=["deleted_at", "updated_at"])


@transaction.atomic
def discard(*, register: Register) -> None:
    """
    Delete a register that counted nothing yet, such as one that was entered by mistake.

    :raises RegisterUsed: if it did: what was read of it would be of no register.
    """
    for facts in (Reading, Interval, DailyConsumption):
        if facts.objects.filter(meter=register.meter_id, channel=register.channel).exists():
            raise RegisterUsed(
                f"{register.get_channel_display()} of meter {register.meter.serial} has a history: "
                "its register stays with it."
            )
    register.delete()
