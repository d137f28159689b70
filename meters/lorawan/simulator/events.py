"""
The events that a ChirpStack v4 posts, as it writes them: what is zero, false or empty is left out.

Source: ChirpStack documentation, integrations, events.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

GATEWAY = "0016c001f153a14c"

type Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its network server knows it."""

    eui: str
    name: str
    profile: str

    @property
    def address(self) -> str:
        return self.eui[-8:]


def up(device: Device, *, at: datetime, counter: int, port: int, payload: bytes) -> Event:
    """An uplink; the same one always has the same `deduplicationId`."""
    mark = uuid5(NAMESPACE_OID, f"{device.eui} {counter} {at.isoformat()} {payload.hex()}")
    strength = sum(bytes.fromhex(device.eui)) % 40
    return _event(
        device,
        at,
        deduplicationId=str(mark),
        devAddr=device.address,
        fCnt=counter,
        fPort=port,
        data=base64.b64encode(payload).decode(),
        rxInfo=[{"gatewayId": GATEWAY, "rssi": -70 - strength, "snr": 9.5 - strength / 8}],
    )


def txack(device: Device, *, at: datetime, queue_item: str, counter: int = 0) -> Event:
    """A gateway sent a downlink over the air."""
    return _event(device, at, queueItemId=queue_item, fCntDown=counter, gatewayId=GATEWAY)


def ack(
    device: Device, *, at: datetime, queue_item: str, acknowledged: bool, counter: int = 0
) -> Event:
    """The device acknowledged a downlink, or did not in time."""
    return _event(device, at, queueItemId=queue_item, acknowledged=acknowledged, fCntDown=counter)


def _event(device: Device, at: datetime, **fields: Any) -> Event:
    body = {
        # ChirpStack writes nanoseconds.
        "time": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000+00:00",
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
            "deviceProfileName": device.profile,
            "deviceName": device.name,
            "devEui": device.eui,
            "tags": {},
        },
        **fields,
    }
    return {name: value for name, value in body.items() if value not in (0, "", False)}
