"""
How one meter among many is named on a connection.

The standard leaves three ways, and which one a concentrator offers is its own affair:

* ``WrapperPort``: the server's wrapper port is the meter.
* ``GatewayPrefix``: every APDU is preceded by the meter's address on the far network.
* direct IPv6: one connection per meter, each with ``WrapperPort`` and logical device 1.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader, length_field
from meters.dlms.wrapper import Frame

GATEWAY_REQUEST, GATEWAY_RESPONSE = 0xE6, 0xE7


class Route(NamedTuple):
    """
    A conversation: the logical device and the client process (1 is management).

    ``physical`` is the meter's address on the network behind a gateway.
    """

    device: int
    client: int
    physical: bytes = b""


class Addressing(Protocol):
    """A way to put a route on the wire and to read it back."""

    def frame(self, route: Route, apdu: bytes) -> Frame:
        """The frame that brings ``apdu`` to the meter."""

    def route(self, frame: Frame) -> tuple[Route, bytes]:
        """
        Which conversation a received frame belongs to, and its APDU.

        :raises FrameError: if the frame carries no address of this kind.
        """


class WrapperPort:
    """The destination port of the wrapper is the logical device."""

    def frame(self, route: Route, apdu: bytes) -> Frame:
        return Frame(route.client, route.device, apdu)

    def route(self, frame: Frame) -> tuple[Route, bytes]:
        return Route(frame.source, frame.destination), frame.apdu


class Prefixed(NamedTuple):
    """An APDU behind the prefix of a gateway."""

    tag: int
    network: int
    address: bytes
    apdu: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "Prefixed":
        """:raises FrameError: if the prefix is cut short."""
        reader = OctetReader(raw)
        tag, network = reader.octet(), reader.octet()
        return cls(tag, network, reader.take(reader.length()), reader.rest())

    def to_bytes(self) -> bytes:
        head = bytes((self.tag, self.network)) + length_field(len(self.address))
        return head + self.address + self.apdu


@dataclass(frozen=True, slots=True)
class GatewayPrefix:
    """
    The Green Book's access via a gateway: ``E6 | network | length | address | APDU``.

    The wrapper's ports name the logical device inside the meter; answers come behind ``E7``.
    """

    network: int = 0

    def frame(self, route: Route, apdu: bytes) -> Frame:
        prefixed = Prefixed(GATEWAY_REQUEST, self.network, route.physical, apdu)
        return Frame(route.client, route.device, prefixed.to_bytes())

    def route(self, frame: Frame) -> tuple[Route, bytes]:
        prefixed = Prefixed.parse(frame.apdu)
        if prefixed.tag != GATEWAY_RESPONSE:
            raise FrameError("an answer without the gateway's prefix")
        return Route(frame.source, frame.destination, prefixed.address), prefixed.apdu
