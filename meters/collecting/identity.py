"""
Whether the meter that answers is the one that was meant (check `identity` of the table of checks).

Addresses go astray: a meter is exchanged, a concentrator numbers its meters anew. What another
meter says must not be billed to a home, and an order must not reach it. Names are told in many
ways (device id or logical device name, with the maker's letters or zeros in front, or without),
so that one has to end with the other. A meter that names nothing cannot be told apart.
"""

from meters.dlms.errors import AccessDenied, DlmsError
from meters.dlms.meter import Meter as Talk


class AnotherMeter(DlmsError):
    """The meter that answers names another serial than the registered one."""


async def verify(talk: Talk, serial: str) -> None:
    """
    Ask a meter who it is.

    :raises AnotherMeter: if it is not the one with this serial.
    :raises meters.dlms.errors.DlmsError: if it does not answer, or not as it should.
    """
    try:
        named = await talk.serial()
    except AccessDenied:
        return
    check(named, serial)


def check(named: str, serial: str) -> None:
    """:raises AnotherMeter: if that is not the name of the meter with this serial."""
    said, meant = _plain(named), _plain(serial)
    if not said.endswith(meant) and not meant.endswith(said):
        raise AnotherMeter(f"The meter at this address is {named}, not {serial}")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).upper().lstrip("0")
