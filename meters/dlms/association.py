"""
Opening and closing an application association (IEC 62056-5-3; ACSE in BER, xDLMS in A-XDR).

Logical-name referencing without ciphering. Low and high level security attach here: an AARQ
carries a mechanism name and an authentication value, which are read and, today, refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader, length_field

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63

DLMS_VERSION = 6
VAA_NAME_LN = 7
LARGEST_PDU = 0xFFFF
SMALLEST_PDU = 12

_CONTEXT_NAME, _RESULT, _DIAGNOSTIC, _USER_INFORMATION = 0xA1, 0xA2, 0xA3, 0xBE
_CALLING_MECHANISM, _REASON = 0x8B, 0x80
_SERVICE_USER = 0xA1
_INTEGER, _OCTET_STRING, _OBJECT_IDENTIFIER = 0x02, 0x04, 0x06
_INITIATE_REQUEST, _INITIATE_RESPONSE = 0x01, 0x08
_CONFORMANCE_TAG = b"\x5f\x1f\x04\x00"
_CONTEXT_PREFIX = bytes.fromhex("608574050801")


class Context(IntEnum):
    """Application context names: 2.16.756.5.8.1.x."""

    LOGICAL_NAME = 1
    SHORT_NAME = 2
    LOGICAL_NAME_CIPHERED = 3
    SHORT_NAME_CIPHERED = 4


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


class Diagnostic(IntEnum):
    """Why an association was refused (ACSE service user)."""

    NULL = 0
    NO_REASON_GIVEN = 1
    CONTEXT_NAME_NOT_SUPPORTED = 2
    CALLED_TITLE_NOT_RECOGNIZED = 7
    MECHANISM_NAME_NOT_RECOGNISED = 11
    AUTHENTICATION_REQUIRED = 14


class AssociationResult(IntEnum):
    """The result field of an AARE."""

    ACCEPTED = 0
    REJECTED_PERMANENT = 1
    REJECTED_TRANSIENT = 2


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """AARQ: what a client asks for. A ``max_pdu`` of 0 sets no limit."""

    conformance: Conformance = FULL_CONFORMANCE
    max_pdu: int = LARGEST_PDU
    context: int = Context.LOGICAL_NAME
    mechanism: bytes = b""

    def to_bytes(self) -> bytes:
        initiate = b"".join(
            (
                bytes((_INITIATE_REQUEST, 0, 0, 0, DLMS_VERSION)),
                _CONFORMANCE_TAG,
                self.conformance.to_bytes(3),
                self.max_pdu.to_bytes(2),
            )
        )
        return _tlv(AARQ, _context_name(self.context), _user_information(initiate))


@dataclass(frozen=True, slots=True)
class AssociationResponse:
    """AARE: what the meter grants, or why it does not."""

    result: int = AssociationResult.ACCEPTED
    diagnostic: int = Diagnostic.NULL
    conformance: Conformance = FULL_CONFORMANCE
    max_pdu: int = LARGEST_PDU

    @property
    def accepted(self) -> bool:
        return self.result == AssociationResult.ACCEPTED

    def to_bytes(self) -> bytes:
        fields = [
            _context_name(Context.LOGICAL_NAME),
            _tlv(_RESULT, _tlv(_INTEGER, bytes((self.result,)))),
            _tlv(_DIAGNOSTIC, _tlv(_SERVICE_USER, _tlv(_INTEGER, bytes((self.diagnostic,))))),
        ]
        if self.accepted:
            fields.append(_user_information(self._initiate()))
        return _tlv(AARE, *fields)

    def _initiate(self) -> bytes:
        return b"".join(
            (
                bytes((_INITIATE_RESPONSE, 0, DLMS_VERSION)),
                _CONFORMANCE_TAG,
                self.conformance.to_bytes(3),
                self.max_pdu.to_bytes(2),
                VAA_NAME_LN.to_bytes(2),
            )
        )


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """RLRQ with the reason "normal"."""

    def to_bytes(self) -> bytes:
        return _tlv(RLRQ, _tlv(_REASON, b"\x00"))


@dataclass(frozen=True, slots=True)
class ReleaseResponse:
    """RLRE with the reason "normal"."""

    def to_bytes(self) -> bytes:
        return _tlv(RLRE, _tlv(_REASON, b"\x00"))


def parse_request(apdu: bytes) -> AssociationRequest:
    """:raises FrameError: if the bytes are not an AARQ that carries an InitiateRequest."""
    fields = _fields(apdu, AARQ)
    reader = OctetReader(_initiate_bytes(fields))
    _expect(reader.octet() == _INITIATE_REQUEST, "no InitiateRequest")
    if reader.octet():  # dedicated-key
        reader.take(reader.length())
    if reader.octet():  # response-allowed
        reader.octet()
    if reader.octet():  # proposed-quality-of-service
        reader.octet()
    _expect(reader.octet() == DLMS_VERSION, "not DLMS version 6")
    conformance, max_pdu = _conformance_and_size(reader)
    reader.finish()
    context = _required(fields, _CONTEXT_NAME)
    _expect(context[2:-1] == _CONTEXT_PREFIX, "no COSEM application context")
    return AssociationRequest(
        conformance=conformance,
        max_pdu=max_pdu,
        context=context[-1],
        mechanism=fields.get(_CALLING_MECHANISM, b""),
    )


def parse_response(apdu: bytes) -> AssociationResponse:
    """:raises FrameError: if the bytes are not an AARE."""
    fields = _fields(apdu, AARE)
    result = _required(fields, _RESULT)[-1:]
    diagnostic = _required(fields, _DIAGNOSTIC)[-1:]
    _expect(bool(result and diagnostic), "an empty result")
    if result[0] != AssociationResult.ACCEPTED:
        return AssociationResponse(result[0], diagnostic[0], Conformance(0), 0)
    reader = OctetReader(_initiate_bytes(fields))
    _expect(reader.octet() == _INITIATE_RESPONSE, "no InitiateResponse")
    if reader.octet():  # negotiated-quality-of-service
        reader.octet()
    _expect(reader.octet() == DLMS_VERSION, "not DLMS version 6")
    conformance, max_pdu = _conformance_and_size(reader)
    _expect(reader.uint16() == VAA_NAME_LN, "not logical-name referencing")
    reader.finish()
    return AssociationResponse(result[0], diagnostic[0], conformance, max_pdu)


def parse_release_request(apdu: bytes) -> ReleaseRequest:
    """An RLRQ; its reason and its user-information, which some clients repeat, change nothing."""
    _fields(apdu, RLRQ)
    return ReleaseRequest()


def parse_release_response(apdu: bytes) -> ReleaseResponse:
    _fields(apdu, RLRE)
    return ReleaseResponse()


def _tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes((tag,)) + length_field(len(content)) + content


def _context_name(context: int) -> bytes:
    return _tlv(_CONTEXT_NAME, _tlv(_OBJECT_IDENTIFIER, _CONTEXT_PREFIX + bytes((context,))))


def _user_information(initiate: bytes) -> bytes:
    return _tlv(_USER_INFORMATION, _tlv(_OCTET_STRING, initiate))


def _fields(apdu: bytes, tag: int) -> dict[int, bytes]:
    reader = OctetReader(apdu)
    _expect(reader.octet() == tag, f"not APDU {tag:#04x}")
    return dict(_elements(reader.take(reader.length())))


def _elements(content: bytes) -> Iterable[tuple[int, bytes]]:
    reader = OctetReader(content)
    while reader.remaining:
        yield reader.octet(), reader.take(reader.length())


def _required(fields: dict[int, bytes], tag: int) -> bytes:
    try:
        return fields[tag]
    except KeyError:
        raise FrameError(f"field {tag:#04x} is missing") from None


def _initiate_bytes(fields: dict[int, bytes]) -> bytes:
    reader = OctetReader(_required(fields, _USER_INFORMATION))
    _expect(reader.octet() == _OCTET_STRING, "user-information is no octet-string")
    return reader.take(reader.length())


def _conformance_and_size(reader: OctetReader) -> tuple[Conformance, int]:
    _expect(reader.take(len(_CONFORMANCE_TAG)) == _CONFORMANCE_TAG, "no conformance block")
    bits = int.from_bytes(reader.take(3))
    return Conformance(bits & FULL_CONFORMANCE), reader.uint16()


def _expect(condition: bool, complaint: str, /) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise FrameError(complaint)
