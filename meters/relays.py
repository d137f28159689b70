"""How relays stand, in the words of IEC 62056-6-2 (class 70, disconnect control)."""

from meters.dlms.values import ControlState, RelayState
from meters.models.devices import Meter

# Here a remote reconnection waits for the button on the meter.
CONFIRMED_AT_THE_METER = frozenset({1, 3, 5, 6})
RELAY_STATES = {
    ControlState.DISCONNECTED: Meter.RelayState.DISCONNECTED,
    ControlState.CONNECTED: Meter.RelayState.CONNECTED,
    ControlState.READY_FOR_RECONNECTION: Meter.RelayState.READY,
}


def relay_state(relay: RelayState) -> Meter.RelayState:
    """
    The relay as the meter itself says it stands.

    Where supply and control state contradict each other it is not known.
    """
    if relay.output != (relay.control_state == ControlState.CONNECTED):
        return Meter.RelayState.UNKNOWN
    return RELAY_STATES[relay.control_state]
