"""What a meter must be given so that its concentrator can reach it."""

from collections.abc import Mapping
from typing import NamedTuple

from meters.models.devices import Concentrator

Addressing = Concentrator.Addressing


class Lack(NamedTuple):
    """The field that is missing, and what to say about it."""

    field: str
    words: str


NEEDED = {
    Addressing.WRAPPER_PORT: Lack(
        "logical_device", "Give the meter's wrapper port at this concentrator."
    ),
    Addressing.GATEWAY_PREFIX: Lack(
        "gateway_address", "Give the meter's address behind this gateway, such as 0065."
    ),
    Addressing.DIRECT_IPV6: Lack(
        "ipv6_address", "Give the meter's own IPv6 address, as this concentrator routes to it."
    ),
}


def lack(concentrator: Concentrator, given: Mapping[str, object]) -> Lack | None:
    """What of a meter's addresses is needed behind this concentrator and not given, if any."""
    needed = NEEDED[Addressing(concentrator.addressing)]
    return None if given.get(needed.field) not in {None, ""} else needed
