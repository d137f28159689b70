"""Taking a meter on, with the register it counts with."""

from django.db import transaction

from meters.dlms.obis import LOAD_PROFILE, VOLUME, VOLUME_PROFILE
from meters.models.devices import Meter, Register
from quantify.quantities import Utility

IMPORT_TOTAL = "1.0.1.8.0.255"


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
