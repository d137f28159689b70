"""How the simulated equipment behaves on the wire when nothing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from meters.dlms.initiate import LARGEST_PDU

type ListSupport = Literal["offered", "refused", "absent"]

QUARTER_HOUR = timedelta(minutes=15)
PROFILE_ENTRIES = 90 * 96


@dataclass(slots=True)
class Behaviour:
    """
    Settings of a concentrator and its meters; they may be changed while it runs.

    ``delay`` is the time in seconds a meter takes for each request. ``max_pdu`` caps what a
    meter sends and receives in one piece. ``lists`` says whether GET with list works, is
    promised and then refused, or is not offered. With ``null_compression`` a profile leaves
    out what repeats the row before. ``utc_offset`` is the civil time of the meters.
    """

    delay: float = 0.0
    max_pdu: int = LARGEST_PDU
    lists: ListSupport = "offered"
    null_compression: bool = False
    profile_entries: int = PROFILE_ENTRIES
    utc_offset: timedelta = timedelta(hours=2)
