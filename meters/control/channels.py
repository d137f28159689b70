"""Which channel carries orders to a meter; another way of communication adds itself here."""

from collections.abc import Callable, Mapping

from meters.control.dlms import DlmsChannel
from meters.control.exchange import Channel
from meters.models.devices import Meter

Communication = Meter.CommunicationType

type Opening = Callable[[Meter], Channel | None]

OPENINGS: Mapping[str, Opening] = {
    Communication.PLC: DlmsChannel.to,
    Communication.CELLULAR: DlmsChannel.to,
    Communication.WIFI: DlmsChannel.to,
}


def channel_to(meter: Meter) -> Channel | None:
    """
    The way on which orders reach a meter; None if there is none.

    Needs the meter's concentrator: select it with the meter.
    """
    opening = OPENINGS.get(meter.communication_type)
    return opening(meter) if opening else None
