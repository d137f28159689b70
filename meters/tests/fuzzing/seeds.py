"""Valid input for each target: what fuzzing begins with, and what the grammar spoils."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from meters.dlms import instants
from meters.dlms.ciphering import CIPHERED
from meters.dlms.selection import RangeSelection
from meters.dlms.session import Session
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.simulator.load_profile import LoadProfile
from meters.dlms.simulator.objects import meter_device
from meters.dlms.wrapper import Frame
from meters.lorawan import em300_di, uc300
from meters.tests.dlms.standin import StandIn
from meters.tests.fuzzing.targets import (
    NOON,
    OFFSET,
    ROUTE,
    SINCE,
    Dumb,
    Rehearsed,
    as_bytes,
    from_the_meter,
    visit,
)

FOUND = Path(__file__).parent / "found"
EVENT_LOG = "0.0.99.98.0.255"
EXTENDED = bytes.fromhex(
    "0ea0355d302935000054c0345de7290000b800b900b800b800b800b900b800b800b800b800b800b800b900b900b900"
)


def recorded(behaviour: Behaviour) -> list[bytes]:
    """What a meter really answers on a visit, reply by reply."""
    meter = StandIn(logged={EVENT_LOG: [(SINCE, 1), (NOON, 2)]})
    talk = Conversation(meter_device(meter, behaviour), behaviour)
    replies: list[bytes] = []

    class Line(Dumb):
        def send(self, route: object, apdu: bytes) -> None:
            replies.append(talk.answer(apdu))

    class Box(Rehearsed):
        async def take(self) -> bytes:
            return replies[-1]

    asyncio.run(visit(Session(Line(), ROUTE, Box(()))))
    return replies


def profile() -> bytes:
    bounds = (instants.encode(at, offset=OFFSET) for at in (SINCE, NOON))
    return LoadProfile(StandIn(), Behaviour()).buffer(RangeSelection(*bounds))


VISITS = [
    recorded(Behaviour()),
    recorded(Behaviour(max_pdu=128)),
    recorded(Behaviour(lists="absent", null_compression=True)),
]
FRAMES = [
    bytes((0,)) + em300_di.encode([em300_di.Pulses(7), em300_di.WaterAlarm(1, 10, 2.5, 1)]),
    bytes((0,)) + em300_di.encode([em300_di.WaterHistory(1_772_000_000, 2, 3, 0, 2, 1, 1, 10, 3)]),
    bytes((1,)) + EXTENDED,
    bytes((1,)) + b"\x01" + bytes(50),
    bytes((2,)) + uc300.encode([uc300.Pulses(9), uc300.Output(1)]),
]
DEVICE = {"devEui": "24e124136f215917", "deviceName": "A-101", "deviceProfileName": "EM300-DI"}
UPLINK = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2026-03-02T12:05:00.123456789+00:00",
    "deviceInfo": DEVICE,
    "devAddr": "00189440",
    "fPort": 85,
    "fCnt": 7,
    "data": "BcgHAAAA",
    "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
}
STATUS = {"deviceInfo": DEVICE, "batteryLevel": 93.5, "time": "2026-03-02T12:05:00+00:00"}
EVENTS = [bytes((0,)) + json.dumps(UPLINK).encode(), bytes((2,)) + json.dumps(STATUS).encode()]


def valid() -> Mapping[str, list[bytes]]:
    """By target; nothing of it is refused."""
    replies = [reply for one in VISITS for reply in one]
    return {
        "wrapper": [Frame(101, 1, reply).to_bytes() * 2 for reply in replies[:4]],
        "answer": replies,
        "sealed": [from_the_meter(one) for one in replies if one[0] in CIPHERED] + replies[1:3],
        "rows": [profile()],
        "conversation": [as_bytes(one) for one in VISITS],
        "lorawan": FRAMES,
        "webhook": EVENTS,
    }


def found(target: str) -> Iterator[bytes]:
    """What fuzzing came upon: one input, in hexadecimal, for each way to go on or to be refused."""
    path = FOUND / f"{target}.txt"
    for line in path.read_text().splitlines() if path.exists() else ():
        yield bytes.fromhex(line)
