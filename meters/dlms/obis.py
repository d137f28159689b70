"""
OBIS logical names (IEC 62056-6-1), written as text: ``1.0.1.8.0.255``.

The constants name the objects this system reads; class ids are those of IEC 62056-6-2.
"""

from enum import IntEnum
from functools import lru_cache

from meters.dlms.errors import FrameError

SIZE = 6

LOGICAL_DEVICE_NAME = "0.0.42.0.0.255"
DEVICE_ID = "0.0.96.1.0.255"
CLOCK = "0.0.1.0.0.255"
ENERGY_IMPORT = "1.0.1.8.0.255"
ENERGY_EXPORT = "1.0.2.8.0.255"
VOLUME = "8.0.1.0.0.255"
LOAD_PROFILE = "1.0.99.1.0.255"
VOLUME_PROFILE = "8.0.99.1.0.255"
AMR_STATUS = "0.0.96.10.1.255"
DISCONNECT_CONTROL = "0.0.96.3.10.255"
SAP_ASSIGNMENT = "0.0.41.0.0.255"
ASSOCIATION = "0.0.40.0.0.255"
FRAME_COUNTER = "0.0.43.1.0.255"


class ClassId(IntEnum):
    """Interface classes of the Blue Book."""

    DATA = 1
    REGISTER = 3
    EXTENDED_REGISTER = 4
    DEMAND_REGISTER = 5
    PROFILE_GENERIC = 7
    CLOCK = 8
    ASSOCIATION_LN = 15
    SAP_ASSIGNMENT = 17
    DISCONNECT_CONTROL = 70


@lru_cache(maxsize=1024)
def to_bytes(name: str) -> bytes:
    """
    The six octets of a logical name.

    :raises ValueError: if the text is not six numbers of 0 to 255.
    """
    raw = bytes(int(part) for part in name.split("."))
    if len(raw) != SIZE:
        raise ValueError(f"not an OBIS code: {name}")
    return raw


@lru_cache(maxsize=1024)
def to_text(raw: bytes) -> str:
    """
    The text of a logical name a peer sent.

    :raises FrameError: if it is not six octets long.
    """
    if len(raw) != SIZE:
        raise FrameError(f"a logical name of {len(raw)} octets")
    return ".".join(map(str, raw))
