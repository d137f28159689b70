"""
The xDLMS services of a COSEM client: GET, SET and ACTION (IEC 62056-5-3), as values.

``invoke`` is the whole invoke-id-and-priority octet; a response repeats that of its request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from meters.dlms import axdr, obis
from meters.dlms.axdr import Value
from meters.dlms.errors import AccessDenied, FrameError, access_failure
from meters.dlms.octets import OctetReader, length_field
from meters.dlms.selection import Selection


class Tag(IntEnum):
    """The first octet of an APDU."""

    CONFIRMED_SERVICE_ERROR = 0x0E
    DATA_NOTIFICATION = 0x0F
    GET_REQUEST = 0xC0
    SET_REQUEST = 0xC1
    EVENT_NOTIFICATION = 0xC2
    ACTION_REQUEST = 0xC3
    GET_RESPONSE = 0xC4
    SET_RESPONSE = 0xC5
    ACTION_RESPONSE = 0xC7
    EXCEPTION_RESPONSE = 0xD8


NORMAL, NEXT, WITH_LIST = 1, 2, 3
WITH_BLOCK = 2
DATA, ACCESS_RESULT = 0, 1


class Attribute(NamedTuple):
    """A COSEM attribute, or with the same shape a method, of one object."""

    class_id: int
    name: str
    number: int

    def to_bytes(self) -> bytes:
        return self.class_id.to_bytes(2) + obis.to_bytes(self.name) + bytes((self.number,))

    def __str__(self) -> str:
        return f"{self.class_id};{self.name};{self.number}"


@dataclass(frozen=True, slots=True)
class GetRequest:
    """GET-request-normal."""

    invoke: int
    attribute: Attribute
    selection: Selection | None = None

    def to_bytes(self) -> bytes:
        head = bytes((Tag.GET_REQUEST, NORMAL, self.invoke))
        return head + _selected(self.attribute, self.selection)


@dataclass(frozen=True, slots=True)
class GetNextRequest:
    """GET-request-next: acknowledges block ``number`` and asks for the one after it."""

    invoke: int
    number: int

    def to_bytes(self) -> bytes:
        return bytes((Tag.GET_REQUEST, NEXT, self.invoke)) + self.number.to_bytes(4)


@dataclass(frozen=True, slots=True)
class GetListRequest:
    """GET-request-with-list."""

    invoke: int
    items: Sequence[tuple[Attribute, Selection | None]]

    def to_bytes(self) -> bytes:
        head = bytes((Tag.GET_REQUEST, WITH_LIST, self.invoke))
        return head + length_field(len(self.items)) + b"".join(_selected(*i) for i in self.items)


@dataclass(frozen=True, slots=True)
class SetRequest:
    """SET-request-normal; ``data`` is encoded COSEM data."""

    invoke: int
    attribute: Attribute
    data: bytes

    def to_bytes(self) -> bytes:
        head = bytes((Tag.SET_REQUEST, NORMAL, self.invoke))
        return head + self.attribute.to_bytes() + b"\x00" + self.data


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """ACTION-request-normal; ``data`` is the encoded parameter of the method."""

    invoke: int
    method: Attribute
    data: bytes = b""

    def to_bytes(self) -> bytes:
        head = bytes((Tag.ACTION_REQUEST, NORMAL, self.invoke))
        parameter = b"\x01" + self.data if self.data else b"\x00"
        return head + self.method.to_bytes() + parameter


@dataclass(frozen=True, slots=True)
class GetResponse:
    """GET-response-normal: encoded data, or the data-access-result when ``data`` is None."""

    invoke: int
    data: bytes | None
    result: int = 0

    def to_bytes(self) -> bytes:
        head = bytes((Tag.GET_RESPONSE, NORMAL, self.invoke))
        return head + get_result(self.data, self.result)


@dataclass(frozen=True, slots=True)
class GetBlockResponse:
    """GET-response-with-datablock: one piece of the encoded result, or the reason it stopped."""

    invoke: int
    last: bool
    number: int
    data: bytes | None
    result: int = 0

    def to_bytes(self) -> bytes:
        head = bytes((Tag.GET_RESPONSE, WITH_BLOCK, self.invoke, self.last))
        if self.data is None:
            return head + self.number.to_bytes(4) + bytes((ACCESS_RESULT, self.result))
        block = length_field(len(self.data)) + self.data
        return head + self.number.to_bytes(4) + bytes((DATA,)) + block


@dataclass(frozen=True, slots=True)
class GetListResponse:
    """GET-response-with-list; ``body`` is the encoded list of results."""

    invoke: int
    body: bytes

    def to_bytes(self) -> bytes:
        return bytes((Tag.GET_RESPONSE, WITH_LIST, self.invoke)) + self.body


@dataclass(frozen=True, slots=True)
class SetResponse:
    """SET-response-normal."""

    invoke: int
    result: int

    def to_bytes(self) -> bytes:
        return bytes((Tag.SET_RESPONSE, NORMAL, self.invoke, self.result))


@dataclass(frozen=True, slots=True)
class ActionResponse:
    """ACTION-response-normal; ``data`` is what the method returned, encoded, if anything."""

    invoke: int
    result: int
    data: bytes | None = None

    def to_bytes(self) -> bytes:
        head = bytes((Tag.ACTION_RESPONSE, NORMAL, self.invoke, self.result))
        return head + (b"\x00" if self.data is None else bytes((1, DATA)) + self.data)


@dataclass(frozen=True, slots=True)
class ExceptionResponse:
    """exception-response, or a confirmedServiceError read as one."""

    state_error: int
    service_error: int

    def to_bytes(self) -> bytes:
        return bytes((Tag.EXCEPTION_RESPONSE, self.state_error, self.service_error))


def get_result(data: bytes | None, result: int) -> bytes:
    """Get-Data-Result: a choice between encoded data and a data-access-result."""
    if data is None:
        return bytes((ACCESS_RESULT, result))
    return bytes((DATA,)) + data


def list_results(body: bytes) -> list[Value | AccessDenied]:
    """
    The results of a GET with list, in the order asked.

    :raises FrameError: if the body is not a list of Get-Data-Result.
    """
    reader = OctetReader(body)
    count = reader.length()
    if count > reader.remaining:
        raise FrameError(f"{count} results announced, {reader.remaining} octets left")
    results = [_list_result(reader) for _ in range(count)]
    reader.finish()
    return results


def _list_result(reader: OctetReader) -> Value | AccessDenied:
    choice = reader.octet()
    if choice == DATA:
        return axdr.read(reader)
    if choice == ACCESS_RESULT:
        return access_failure(reader.octet())
    raise FrameError(f"choice {choice} of a GET result")


def _selected(attribute: Attribute, selection: Selection | None) -> bytes:
    if selection is None:
        return attribute.to_bytes() + b"\x00"
    return attribute.to_bytes() + b"\x01" + selection.to_bytes()
