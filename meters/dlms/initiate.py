"""What two sides agree on when they associate (xDLMS InitiateRequest and InitiateResponse)."""

from enum import IntFlag
from typing import NamedTuple

from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader

DLMS_VERSION = 6
VAA_NAME_LN = 7
LARGEST_PDU = 0xFFFF
SMALLEST_PDU = 12

_REQUEST, _RESPONSE = 0x01, 0x08
_CONFORMANCE_TAG = b"\x5f\x1f\x04\x00"


class Conformance(IntFlag):
    """The services both sides offer; bit 0 of the standard is the leftmost of 24."""

    PRIORITY_MANAGEMENT = 1 << 14
    BLOCK_TRANSFER_WITH_GET = 1 << 12
    MULTIPLE_REFERENCES = 1 << 9
    GET = 1 << 4
    SET = 1 << 3
    SELECTIVE_ACCESS = 1 << 2
    ACTION = 1 << 0


FULL_CONFORMANCE = (
    Conformance.PRIORITY_MANAGEMENT
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.ACTION
)


class Terms(NamedTuple):
    """Which services, and the largest APDU either side takes; a ``max_pdu`` of 0 is no limit."""

    conformance: Conformance
    max_pdu: int


def request(terms: Terms) -> bytes:
    return bytes((_REQUEST, 0, 0, 0, DLMS_VERSION)) + _encoded(terms)


def response(terms: Terms) -> bytes:
    return bytes((_RESPONSE, 0, DLMS_VERSION)) + _encoded(terms) + VAA_NAME_LN.to_bytes(2)


def read_request(apdu: bytes) -> Terms:
    """:raises FrameError: if it is no InitiateRequest."""
    reader = OctetReader(apdu)
    _expect(reader.octet() == _REQUEST, "no InitiateRequest")
    if reader.octet():  # dedicated-key
        reader.take(reader.length())
    if reader.octet():  # response-allowed
        reader.octet()
    if reader.octet():  # proposed-quality-of-service
        reader.octet()
    _expect(reader.octet() == DLMS_VERSION, "not DLMS version 6")
    terms = _terms(reader)
    reader.finish()
    return terms


def read_response(apdu: bytes) -> Terms:
    """:raises FrameError: if it is no InitiateResponse."""
    reader = OctetReader(apdu)
    _expect(reader.octet() == _RESPONSE, "no InitiateResponse")
    if reader.octet():  # negotiated-quality-of-service
        reader.octet()
    _expect(reader.octet() == DLMS_VERSION, "not DLMS version 6")
    terms = _terms(reader)
    _expect(reader.uint16() == VAA_NAME_LN, "not logical-name referencing")
    reader.finish()
    return terms


def _encoded(terms: Terms) -> bytes:
    return _CONFORMANCE_TAG + terms.conformance.to_bytes(3) + terms.max_pdu.to_bytes(2)


def _terms(reader: OctetReader) -> Terms:
    _expect(reader.take(len(_CONFORMANCE_TAG)) == _CONFORMANCE_TAG, "no conformance block")
    bits = int.from_bytes(reader.take(3))
    return Terms(Conformance(bits & FULL_CONFORMANCE), reader.uint16())


def _expect(condition: bool, complaint: str, /) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise FrameError(complaint)
