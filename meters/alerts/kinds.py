"""
The kinds of alerts: the one table of what each means, what to do, how it ends, how it escalates.

The times are our own choice. docs/alerts.md says the same, and a test holds it to this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from meters.models.alerts import MeterAlert

Alert, Severity = MeterAlert.Kind, MeterAlert.Severity
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

type Steps = tuple[tuple[timedelta, MeterAlert.Severity], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """
    What a manager reads about a kind.

    `escalates`: an open one that is so old becomes so severe. `reopens_within`: a cause that comes
    back so soon after it ended by itself is the same alert; zero: each occasion is its own.
    `reminds_after`: what a person resolved and what goes on all the same is raised again then.
    """

    means: str
    do: str
    ends: str
    escalates: Steps = ()
    reopens_within: timedelta = DAY
    reminds_after: timedelta = 7 * DAY


_LOOKED = "When a person resolves it."
_FINDING = "When the check finds it no more, or a person decides on the exception."
_REPORTED = "When the device no longer reports it."

KINDS: Mapping[MeterAlert.Kind, Meaning] = {
    Alert.COMMUNICATION_LOSS: Meaning(
        means="The meter has not been heard for longer than the estate allows.",
        do="See whether its neighbours are heard; check the meter's supply and its line.",
        ends="With the next contact.",
        escalates=((DAY, Severity.ERROR), (3 * DAY, Severity.CRITICAL)),
    ),
    Alert.CONCENTRATOR_LOSS: Meaning(
        means="No meter behind a concentrator is heard: the concentrator or its line is down.",
        do="Check the concentrator's power and its network; call whoever runs the line.",
        ends="As soon as one meter behind it is heard.",
        escalates=((4 * HOUR, Severity.CRITICAL),),
    ),
    Alert.TAMPER_DETECTED: Meaning(
        means="The meter noted an opened cover, a magnet or a wrong key, or somebody else "
        "switched its relay on.",
        do="Go to the meter, look at seals and wires, take photographs.",
        ends=_LOOKED,
        escalates=((2 * DAY, Severity.CRITICAL),),
    ),
    Alert.BYPASS: Meaning(
        means="The home seems to use power that the meter does not count.",
        do="Inspect the meter and its wires on the spot; compare with the breaker's load.",
        ends="When a person decides on the exception, after looking.",
        escalates=((7 * DAY, Severity.CRITICAL),),
    ),
    Alert.SWAPPED_METERS: Meaning(
        means="A home counts on while it is cut, and another stops and returns with it.",
        do="Switch both homes one after the other while somebody watches; then put the meters "
        "right, or their registrations.",
        ends="When a later cut stops the home it should, its meter is moved, or a person decides.",
        escalates=((7 * DAY, Severity.CRITICAL),),
    ),
    Alert.LOW_CREDIT: Meaning(
        means="Credit control cannot decide about a supply that is out of credit.",
        do="Decide what is to be done, with the resident.",
        ends="When credit control can go on.",
        escalates=((3 * DAY, Severity.ERROR),),
    ),
    Alert.DISCONNECTION: Meaning(
        means="The supply was disconnected; an error if somebody else did it.",
        do="Nothing if credit control did. Else find out who opened the relay, and why.",
        ends="With the reconnection.",
        reopens_within=timedelta(),
    ),
    Alert.RECONNECTION: Meaning(
        means="The supply was reconnected, or waits for the resident to press the button.",
        do="Tell the resident to press the button if the alert says so.",
        ends="With the next disconnection.",
        reopens_within=timedelta(),
    ),
    Alert.ABNORMAL_USAGE: Meaning(
        means="The register rose by more than the meter can carry.",
        do="Read the meter on the spot and decide on the exception.",
        ends=_FINDING,
        escalates=((3 * DAY, Severity.ERROR),),
    ),
    Alert.ESTIMATION: Meaning(
        means="No reading counts for so long that what is used is unknown.",
        do="Read the meter on the spot, enter the value, and repair the line to it.",
        ends=_FINDING,
        escalates=((2 * DAY, Severity.ERROR), (7 * DAY, Severity.CRITICAL)),
    ),
    Alert.METER_FAULT: Meaning(
        means="The meter reports a critical error, or its register went back.",
        do="Replace the meter if it goes on.",
        ends="With a sound reading; what stands in an event log, when a person resolves it.",
        escalates=((3 * DAY, Severity.CRITICAL),),
    ),
    Alert.CLOCK: Meaning(
        means="The meter's clock is so wrong that its readings do not count, or it shows no time.",
        do="The clock is set by itself. Replace the meter if it goes wrong again.",
        ends="When a visit finds the clock right.",
        escalates=((DAY, Severity.ERROR),),
    ),
    Alert.LEAK: Meaning(
        means="Water ran all through the small hours, night after night.",
        do="Tell the resident; look at cisterns, taps and the pipe behind the meter.",
        ends="With a night that has a quiet quarter of an hour, or as the device says.",
        escalates=((3 * DAY, Severity.ERROR), (14 * DAY, Severity.CRITICAL)),
    ),
    Alert.BURST: Meaning(
        means="The meter reports a flow that only a burst pipe has.",
        do="Close the water and call a plumber now.",
        ends=_REPORTED,
    ),
    Alert.BACKFLOW: Meaning(
        means="Water flows back through the meter.",
        do="Have the non-return valve checked.",
        ends=_REPORTED,
        escalates=((3 * DAY, Severity.ERROR),),
    ),
    Alert.EMPTY_PIPE: Meaning(
        means="There is no water in the pipe, or none has run for the time that was set.",
        do="See whether the water is off in the whole building.",
        ends=_REPORTED,
        escalates=((DAY, Severity.ERROR),),
    ),
    Alert.LOW_BATTERY: Meaning(
        means="The battery of the meter or its radio runs out.",
        do="Replace it on the next round.",
        ends="With a full battery; what stands in an event log, when a person resolves it.",
        escalates=((30 * DAY, Severity.ERROR),),
    ),
    Alert.DEVICE_ERROR: Meaning(
        means="The LoRaWAN device reports an error of its own.",
        do="Replace it if the error is permanent.",
        ends=_REPORTED,
        escalates=((3 * DAY, Severity.ERROR),),
    ),
}

RAND_A_DAY: tuple[tuple[int, MeterAlert.Severity], ...] = (
    (50, Severity.ERROR), (250, Severity.CRITICAL),
)  # fmt: skip
"""What costs as much a day is so severe, whatever its kind and age."""

TOLD = (Severity.ERROR, Severity.CRITICAL)
"""So severe that a message is sent; milder alerts stand in the list only."""
