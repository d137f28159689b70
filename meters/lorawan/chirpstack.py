"""
The events that ChirpStack v4 posts, as values.

Source: ChirpStack documentation, integrations. Fields that are zero or false are left out of the
JSON; what is missing is therefore zero, not unknown.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from meters.lorawan.errors import UnreadableEvent

_EUI = re.compile(r"[0-9a-f]{16}")
LONGEST_PAYLOAD = 242
MOST_GATEWAYS = 100


class Kind(StrEnum):
    """What an event is about, as in the address's `event`."""

    UP = "up"
    JOIN = "join"
    STATUS = "status"
    ACK = "ack"
    TXACK = "txack"
    LOG = "log"
    LOCATION = "location"
    INTEGRATION = "integration"


@dataclass(frozen=True, slots=True)
class Device:
    """Which device an event is about, as the network server knows it."""

    eui: str
    name: str
    profile: str


@dataclass(frozen=True, slots=True)
class Signal:
    """How well the best gateway heard an uplink: dBm, dB."""

    gateway: str
    rssi: int
    snr: float


@dataclass(frozen=True, slots=True)
class Uplink:
    """A frame as the network heard it."""

    device: Device
    deduplication_id: UUID
    at: datetime
    address: str
    counter: int
    port: int
    payload: bytes
    signal: Signal | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Any other event; which fields mean something depends on its kind."""

    kind: Kind
    device: Device
    at: datetime | None
    address: str = ""
    queue_item: str = ""
    is_acknowledged: bool = False
    battery_percent: int | None = None
    level: str = ""
    code: str = ""
    description: str = ""


def uplink(body: Mapping[str, Any]) -> Uplink:
    """
    Read an `up` event.

    :raises UnreadableEvent: if it is none.
    """
    payload = _payload(body.get("data", ""))
    return Uplink(
        device=_device(body),
        deduplication_id=_uuid(body.get("deduplicationId")),
        at=_required_instant(body),
        address=_text(body, "devAddr", 8),
        counter=_whole(body, "fCnt", 2**32 - 1),
        port=_whole(body, "fPort", 255),
        payload=payload,
        signal=_signal(body.get("rxInfo")),
    )


def notice(kind: Kind, body: Mapping[str, Any]) -> Notice:
    """
    Read an event of another kind than `up`.

    :raises UnreadableEvent: if it is none.
    """
    known = not body.get("batteryLevelUnavailable") and not body.get("externalPowerSource")
    battery = _number(body, "batteryLevel") if kind is Kind.STATUS and known else None
    return Notice(
        kind=kind,
        device=_device(body),
        at=_instant(body.get("time")),
        address=_text(body, "devAddr", 8),
        queue_item=_text(body, "queueItemId", 36),
        is_acknowledged=body.get("acknowledged") is True,
        battery_percent=None if battery is None else round(min(max(battery, 0), 100)),
        level=_text(body, "level", 10),
        code=_text(body, "code", 60),
        description=_text(body, "description", 250),
    )


def _device(body: Mapping[str, Any]) -> Device:
    info = body.get("deviceInfo")
    if not isinstance(info, Mapping):
        raise UnreadableEvent("deviceInfo is missing.")
    eui = _text(info, "devEui", 40).lower()
    if not _EUI.fullmatch(eui):
        raise UnreadableEvent("deviceInfo.devEui is not 16 hexadecimal digits.")
    return Device(eui, _text(info, "deviceName", 80), _text(info, "deviceProfileName", 80))


def _payload(data: Any) -> bytes:
    try:
        payload = base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise UnreadableEvent("data is not base64.") from error
    if len(payload) > LONGEST_PAYLOAD:
        raise UnreadableEvent(f"data is longer than {LONGEST_PAYLOAD} bytes.")
    return payload


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnreadableEvent("deduplicationId is not a UUID.") from error


def _required_instant(body: Mapping[str, Any]) -> datetime:
    at = _instant(body.get("time"))
    if at is None:
        raise UnreadableEvent("time is missing.")
    return at


def _instant(value: Any) -> datetime | None:
    """The network's time, cut to microseconds: it comes with nanoseconds."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        is_aware = at.utcoffset() is not None
    except (TypeError, ValueError) as error:
        raise UnreadableEvent("time is not an ISO 8601 instant.") from error
    if not is_aware:
        raise UnreadableEvent("time has no offset.")
    return at


def _text(body: Mapping[str, Any], name: str, longest: int) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise UnreadableEvent(f"{name} is not text.")
    return value.encode(errors="replace").decode()[:longest]


def _whole(body: Mapping[str, Any], name: str, largest: int) -> int:
    value = body.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise UnreadableEvent(f"{name} is not a whole number up to {largest}.")
    return value


def _number(body: Mapping[str, Any], name: str) -> float:
    value = body.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 10**6:
        raise UnreadableEvent(f"{name} is not a number.")
    return float(value)


def _signal(heard: Any) -> Signal | None:
    """The gateway that heard it best."""
    if heard is None:
        return None
    if not isinstance(heard, list):
        raise UnreadableEvent("rxInfo is not a list.")
    signals = []
    for one in heard[:MOST_GATEWAYS]:
        if not isinstance(one, Mapping):
            raise UnreadableEvent("rxInfo holds something else than objects.")
        rssi = round(_number(one, "rssi"))
        signals.append(Signal(_text(one, "gatewayId", 16), max(rssi, -999), _number(one, "snr")))
    return max(signals, key=lambda signal: (signal.snr, signal.rssi), default=None)
