"""Which channel carries orders to a meter; another way of communication adds itself here."""

from collections.abc import Mapping

from meters.control.dlms import DlmsChannel
from meters.control.exchange import Channel
from meters.control.lorawan import LoraChannel
from meters.models.devices import Meter

Communication = Meter.CommunicationType

CHANNELS: Mapping[str, type[DlmsChannel] | type[LoraChannel]] = {
    Communication.PLC: DlmsChannel,
    Communication.CELLULAR: DlmsChannel,
    Communication.WIFI: DlmsChannel,
    Communication.LORA: LoraChannel,
}


def channel_to(meter: Meter) -> Channel | None:
    """
    The way on which orders reach a meter; None if there is none.

    Needs the meter's concentrator: select it with the meter.
    """
    channel = CHANNELS.get(meter.communication_type)
    return channel.to(meter) if channel else None


def overtakes(meter: Meter) -> bool:
    """Whether an order may be given to a meter while another one is on its way there."""
    channel = CHANNELS.get(meter.communication_type)
    return channel is not None and channel.overtakes
