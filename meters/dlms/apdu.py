"""From the bytes of one APDU to the request or response it is (IEC 62056-5-3)."""

from collections.abc import Callable

from meters.dlms import association, axdr, obis
from meters.dlms.association import (
    AssociationRequest,
    AssociationResponse,
    ReleaseRequest,
    ReleaseResponse,
)
from meters.dlms.errors import FrameError
from meters.dlms.octets import OctetReader
from meters.dlms.selection import Selection, read_selection
from meters.dlms.services import (
    ACCESS_RESULT,
    DATA,
    NEXT,
    NORMAL,
    WITH_BLOCK,
    WITH_LIST,
    ActionRequest,
    ActionResponse,
    Attribute,
    ExceptionResponse,
    GetBlockResponse,
    GetListRequest,
    GetListResponse,
    GetNextRequest,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
    Tag,
)

ATTRIBUTE_WITH_SELECTION_SIZE = 10


class Notification:
    """Something the meter said unasked; nobody waits for it."""


type GetRequests = GetRequest | GetNextRequest | GetListRequest
type GetResponses = GetResponse | GetBlockResponse | GetListResponse
type Request = AssociationRequest | ReleaseRequest | GetRequests | SetRequest | ActionRequest
type Response = (
    AssociationResponse
    | ReleaseResponse
    | GetResponses
    | SetResponse
    | ActionResponse
    | ExceptionResponse
    | Notification
)


def parse_request(apdu: bytes) -> Request:
    """:raises FrameError: if the bytes are no request that this codec knows."""
    return _parse(apdu, _REQUESTS)


def parse_response(apdu: bytes) -> Response:
    """:raises FrameError: if the bytes are no response that this codec knows."""
    return _parse(apdu, _RESPONSES)


def _parse[T](apdu: bytes, parsers: dict[int, Callable[[bytes], T]]) -> T:
    parser = parsers.get(apdu[0]) if apdu else None
    if parser is None:
        raise FrameError(f"unexpected APDU {apdu[:8].hex()}")
    return parser(apdu)


def _body(apdu: bytes) -> tuple[OctetReader, int, int]:
    """Past the tag: the rest of the APDU, the choice and the invoke id and priority."""
    reader = OctetReader(apdu)
    reader.octet()
    return reader, reader.octet(), reader.octet()


def _expect_normal(choice: int) -> None:
    if choice != NORMAL:
        raise FrameError(f"service choice {choice}")


def _attribute(reader: OctetReader) -> Attribute:
    return Attribute(reader.uint16(), obis.to_text(reader.take(obis.SIZE)), reader.octet())


def _selected(reader: OctetReader) -> tuple[Attribute, Selection | None]:
    attribute = _attribute(reader)
    return attribute, read_selection(reader) if reader.octet() else None


def _get_request(apdu: bytes) -> GetRequests:
    reader, choice, invoke = _body(apdu)
    request: GetRequests
    if choice == NORMAL:
        request = GetRequest(invoke, *_selected(reader))
    elif choice == NEXT:
        request = GetNextRequest(invoke, reader.uint32())
    elif choice == WITH_LIST:
        request = GetListRequest(invoke, _attribute_list(reader))
    else:
        raise FrameError(f"GET choice {choice}")
    reader.finish()
    return request


def _attribute_list(reader: OctetReader) -> list[tuple[Attribute, Selection | None]]:
    count = reader.length()
    if count * ATTRIBUTE_WITH_SELECTION_SIZE > reader.remaining:
        raise FrameError(f"{count} attributes announced, {reader.remaining} octets left")
    return [_selected(reader) for _ in range(count)]


def _set_request(apdu: bytes) -> SetRequest:
    reader, choice, invoke = _body(apdu)
    _expect_normal(choice)
    attribute, selection = _selected(reader)
    if selection is not None:
        raise FrameError("SET with selective access")
    data = reader.rest()
    axdr.decode(data)
    return SetRequest(invoke, attribute, data)


def _action_request(apdu: bytes) -> ActionRequest:
    reader, choice, invoke = _body(apdu)
    _expect_normal(choice)
    method = _attribute(reader)
    data = reader.rest() if reader.octet() else b""
    reader.finish()
    if data:
        axdr.decode(data)
    return ActionRequest(invoke, method, data)


def _get_response(apdu: bytes) -> GetResponses:
    reader, choice, invoke = _body(apdu)
    if choice == NORMAL:
        return _get_normal(reader, invoke)
    if choice == WITH_BLOCK:
        return _get_block(reader, invoke)
    if choice == WITH_LIST:
        return GetListResponse(invoke, reader.rest())
    raise FrameError(f"GET response choice {choice}")


def _get_normal(reader: OctetReader, invoke: int) -> GetResponse:
    kind = reader.octet()
    if kind == DATA:
        return GetResponse(invoke, reader.rest())
    if kind == ACCESS_RESULT:
        result = reader.octet()
        reader.finish()
        return GetResponse(invoke, None, result)
    raise FrameError(f"choice {kind} of a GET result")


def _get_block(reader: OctetReader, invoke: int) -> GetBlockResponse:
    last, number, kind = reader.octet() != 0, reader.uint32(), reader.octet()
    if kind == DATA:
        block = GetBlockResponse(invoke, last, number, reader.take(reader.length()))
    elif kind == ACCESS_RESULT:
        block = GetBlockResponse(invoke, last, number, None, reader.octet())
    else:
        raise FrameError(f"choice {kind} of a data block")
    reader.finish()
    return block


def _set_response(apdu: bytes) -> SetResponse:
    reader, choice, invoke = _body(apdu)
    _expect_normal(choice)
    result = reader.octet()
    reader.finish()
    return SetResponse(invoke, result)


def _action_response(apdu: bytes) -> ActionResponse:
    reader, choice, invoke = _body(apdu)
    _expect_normal(choice)
    result = reader.octet()
    # Some meters leave out that nothing follows.
    if not reader.remaining or not reader.octet() or reader.octet() != DATA:
        return ActionResponse(invoke, result)
    return ActionResponse(invoke, result, reader.rest())


def _exception(apdu: bytes) -> ExceptionResponse:
    reader = OctetReader(apdu)
    reader.octet()
    return ExceptionResponse(reader.octet(), reader.octet())


_REQUESTS: dict[int, Callable[[bytes], Request]] = {
    association.AARQ: association.parse_request,
    association.RLRQ: association.parse_release_request,
    Tag.GET_REQUEST: _get_request,
    Tag.SET_REQUEST: _set_request,
    Tag.ACTION_REQUEST: _action_request,
}
_RESPONSES: dict[int, Callable[[bytes], Response]] = {
    association.AARE: association.parse_response,
    association.RLRE: association.parse_release_response,
    Tag.GET_RESPONSE: _get_response,
    Tag.SET_RESPONSE: _set_response,
    Tag.ACTION_RESPONSE: _action_response,
    Tag.EXCEPTION_RESPONSE: _exception,
    Tag.CONFIRMED_SERVICE_ERROR: _exception,
    Tag.DATA_NOTIFICATION: lambda _: Notification(),
    Tag.EVENT_NOTIFICATION: lambda _: Notification(),
}
