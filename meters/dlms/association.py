"""
Opening and closing an application association (IEC 62056-5-3; ACSE in BER, xDLMS in A-XDR).

Logical-name referencing. With low level security an AARQ carries a password; with high level
security both sides exchange challenges here, and what they agree on travels ciphered
(`sealed`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

from meters.dlms import initiate
from meters.dlms.errors import FrameError
from meters.dlms.initiate import FULL_CONFORMANCE, LARGEST_PDU, Conformance, Terms
from meters.dlms.octets import OctetReader, length_field

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63

_CONTEXT_NAME, _RESULT, _DIAGNOSTIC, _USER_INFORMATION = 0xA1, 0xA2, 0xA3, 0xBE
_REASON = 0x80
_SERVICE_USER = 0xA1
_INTEGER, _OCTET_STRING, _OBJECT_IDENTIFIER = 0x02, 0x04, 0x06
_CONTEXT_PREFIX = bytes.fromhex("608574050801")
_MECHANISM_PREFIX = bytes.fromhex("608574050802")
_GRAPHIC_STRING = 0x80
_AUTHENTICATION_UNIT = bytes.fromhex("0780")
_CIPHERED_INITIATES = frozenset({0x21, 0x28})
# Fields of AARQ and AARE: system title, ACSE requirements, mechanism, password or challenge.
_ASKING = (0xA6, 0x8A, 0x8B, 0xAC)
_ANSWERING = (0xA4, 0x88, 0x89, 0xAA)


class Context(IntEnum):
    """Application context names: 2.16.756.5.8.1.x."""

    LOGICAL_NAME = 1
    SHORT_NAME = 2
    LOGICAL_NAME_CIPHERED = 3
    SHORT_NAME_CIPHERED = 4


class Diagnostic(IntEnum):
    """Why an association was refused, or what is still to be done (ACSE service user)."""

    NULL = 0
    NO_REASON_GIVEN = 1
    CONTEXT_NAME_NOT_SUPPORTED = 2
    CALLED_TITLE_NOT_RECOGNIZED = 7
    MECHANISM_NAME_NOT_RECOGNISED = 11
    MECHANISM_NAME_REQUIRED = 12
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


class AssociationResult(IntEnum):
    """The result field of an AARE."""

    ACCEPTED = 0
    REJECTED_PERMANENT = 1
    REJECTED_TRANSIENT = 2


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """
    AARQ: what a client asks for, and who it is.

    ``credential`` is a password or a challenge. ``sealed`` is the InitiateRequest as it travels
    ciphered; read from bytes, its terms are unknown until it is `opened`.
    """

    conformance: Conformance = FULL_CONFORMANCE
    max_pdu: int = LARGEST_PDU
    context: int = Context.LOGICAL_NAME
    mechanism: int = 0
    title: bytes = b""
    credential: bytes = b""
    sealed: bytes = b""

    def initiate(self) -> bytes:
        return initiate.request(Terms(self.conformance, self.max_pdu))

    def opened(self, apdu: bytes) -> Self:
        """:raises FrameError: if what was ciphered is no InitiateRequest."""
        terms = initiate.read_request(apdu)
        return replace(self, conformance=terms.conformance, max_pdu=terms.max_pdu)

    def to_bytes(self) -> bytes:
        return _tlv(
            AARQ,
            _context_name(self.context),
            _identity(_ASKING, self.title, self.mechanism, self.credential),
            _user_information(self.sealed or self.initiate()),
        )


@dataclass(frozen=True, slots=True)
class AssociationResponse:
    """AARE: what the meter grants, or why it does not; as with the request for the rest."""

    result: int = AssociationResult.ACCEPTED
    diagnostic: int = Diagnostic.NULL
    conformance: Conformance = FULL_CONFORMANCE
    max_pdu: int = LARGEST_PDU
    context: int = Context.LOGICAL_NAME
    mechanism: int = 0
    title: bytes = b""
    credential: bytes = b""
    sealed: bytes = b""

    @property
    def accepted(self) -> bool:
        return self.result == AssociationResult.ACCEPTED

    def initiate(self) -> bytes:
        return initiate.response(Terms(self.conformance, self.max_pdu))

    def opened(self, apdu: bytes) -> Self:
        """:raises FrameError: if what was ciphered is no InitiateResponse."""
        terms = initiate.read_response(apdu)
        return replace(self, conformance=terms.conformance, max_pdu=terms.max_pdu)

    def to_bytes(self) -> bytes:
        fields = [
            _context_name(self.context),
            _tlv(_RESULT, _tlv(_INTEGER, bytes((self.result,)))),
            _tlv(_DIAGNOSTIC, _tlv(_SERVICE_USER, _tlv(_INTEGER, bytes((self.diagnostic,))))),
            _identity(_ANSWERING, self.title, self.mechanism, self.credential),
        ]
        if self.accepted:
            fields.append(_user_information(self.sealed or self.initiate()))
        return _tlv(AARE, *fields)


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
    information = _initiate_bytes(fields)
    context = _required(fields, _CONTEXT_NAME)
    _expect(context[2:-1] == _CONTEXT_PREFIX, "no COSEM application context")
    title, mechanism, credential = _read_identity(fields, _ASKING)
    request = AssociationRequest(
        context=context[-1], mechanism=mechanism, title=title, credential=credential
    )
    if information[:1] and information[0] in _CIPHERED_INITIATES:
        return replace(request, sealed=information)
    return request.opened(information)


def parse_response(apdu: bytes) -> AssociationResponse:
    """:raises FrameError: if the bytes are not an AARE."""
    fields = _fields(apdu, AARE)
    result = _required(fields, _RESULT)[-1:]
    diagnostic = _required(fields, _DIAGNOSTIC)[-1:]
    _expect(bool(result and diagnostic), "an empty result")
    if result[0] != AssociationResult.ACCEPTED:
        return AssociationResponse(result[0], diagnostic[0], Conformance(0), 0)
    title, mechanism, credential = _read_identity(fields, _ANSWERING)
    context = fields.get(_CONTEXT_NAME, bytes((Context.LOGICAL_NAME,)))[-1:]
    response = AssociationResponse(
        result[0],
        diagnostic[0],
        context=int.from_bytes(context),
        mechanism=mechanism,
        title=title,
        credential=credential,
    )
    information = _initiate_bytes(fields)
    if information[:1] and information[0] in _CIPHERED_INITIATES:
        return replace(response, sealed=information)
    return response.opened(information)


def parse_release_request(apdu: bytes) -> ReleaseRequest:
    """An RLRQ; its reason and its user-information, which some clients repeat, change nothing."""
    _fields(apdu, RLRQ)
    return ReleaseRequest()


def parse_release_response(apdu: bytes) -> ReleaseResponse:
    _fields(apdu, RLRE)
    return ReleaseResponse()


def _identity(tags: tuple[int, ...], title: bytes, mechanism: int, credential: bytes) -> bytes:
    titled, required, named, valued = tags
    fields = [_tlv(titled, _tlv(_OCTET_STRING, title))] if title else []
    if mechanism:
        fields += [
            _tlv(required, _AUTHENTICATION_UNIT),
            _tlv(named, _MECHANISM_PREFIX + bytes((mechanism,))),
            _tlv(valued, _tlv(_GRAPHIC_STRING, credential)),
        ]
    return b"".join(fields)


def _read_identity(fields: dict[int, bytes], tags: tuple[int, ...]) -> tuple[bytes, int, bytes]:
    """System title, mechanism and credential; empty or 0 where there is none."""
    titled, _, named, valued = tags
    mechanism = fields.get(named, _MECHANISM_PREFIX + b"\x00")
    _expect(mechanism[:-1] == _MECHANISM_PREFIX, "no COSEM mechanism name")
    return _inner(fields.get(titled)), mechanism[-1], _inner(fields.get(valued))


def _inner(field: bytes | None) -> bytes:
    if not field:
        return b""
    reader = OctetReader(field)
    reader.octet()
    return reader.take(reader.length())


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


def _expect(condition: bool, complaint: str, /) -> None:  # noqa: FBT001 - an assertion
    if not condition:
        raise FrameError(complaint)
