"""The server's side of one association, without input or output."""

from meters.dlms import axdr, obis
from meters.dlms.apdu import Request, parse_request
from meters.dlms.association import (
    AssociationRequest,
    AssociationResponse,
    Diagnostic,
    ReleaseRequest,
    ReleaseResponse,
)
from meters.dlms.ciphering import PLAIN
from meters.dlms.errors import AccessDenied, DataAccessResult, FrameError, NotGenuine
from meters.dlms.initiate import FULL_CONFORMANCE, LARGEST_PDU, SMALLEST_PDU, Conformance
from meters.dlms.obis import ClassId
from meters.dlms.octets import length_field
from meters.dlms.selection import Selection
from meters.dlms.services import (
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
    get_result,
)
from meters.dlms.simulator.access import Admission, Refused, admit, granted, refusal
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.objects import LogicalDevice

PROVE = Attribute(ClassId.ASSOCIATION_LN, obis.ASSOCIATION, 1)
SERVICE_NOT_ALLOWED, SERVICE_UNKNOWN = 1, 2
OPERATION_NOT_POSSIBLE, SERVICE_NOT_SUPPORTED, OTHER_REASON = 1, 2, 3
BLOCK_HEAD_SIZE = 12
SMALLEST_BLOCK = 1

type Answer = (
    AssociationResponse
    | ReleaseResponse
    | GetResponse
    | GetBlockResponse
    | GetListResponse
    | SetResponse
    | ActionResponse
    | ExceptionResponse
)


class Conversation:
    """
    What one client and one logical device have agreed on, and the transfer under way.

    Requests before an association are answered with an exception-response.
    """

    def __init__(self, device: LogicalDevice, behaviour: Behaviour) -> None:
        self._device = device
        self._admission = Admission()
        self._behaviour = behaviour
        self._agreed: AssociationResponse | None = None
        self._client_pdu = LARGEST_PDU
        self._blocks: list[bytes] = []
        self._sent = 0

    def answer(self, apdu: bytes, *, refuse: bool = False) -> bytes:
        """The reply to any bytes at all; ``refuse`` turns down an association."""
        cipher = self._admission.cipher
        try:
            if apdu[:1] and apdu[0] in PLAIN and cipher is not None:
                return cipher.seal(self._reply(parse_request(cipher.open(apdu)), refuse=refuse))
            request = parse_request(apdu)
        except (FrameError, NotGenuine):
            return ExceptionResponse(SERVICE_UNKNOWN, OTHER_REASON).to_bytes()
        if cipher and not isinstance(request, AssociationRequest | ReleaseRequest):
            return ExceptionResponse(SERVICE_NOT_ALLOWED, OPERATION_NOT_POSSIBLE).to_bytes()
        return self._reply(request, refuse=refuse)

    def _reply(self, request: Request, *, refuse: bool) -> bytes:
        if isinstance(request, AssociationRequest):
            return self._associate(request, refuse=refuse).to_bytes()
        if not self._admission.complete and isinstance(request, ActionRequest):
            return self._hear_proof(request).to_bytes()
        if self._agreed is None or not self._admission.complete:
            return ExceptionResponse(SERVICE_NOT_ALLOWED, OPERATION_NOT_POSSIBLE).to_bytes()
        return self._serve(request).to_bytes()

    def _hear_proof(self, request: ActionRequest) -> ActionResponse:
        """Passes 3 and 4 of high level security: the client's proof, then ours."""
        try:
            proof = axdr.decode(request.data)
        except FrameError:
            proof = None
        ours = self._admission.prove(proof) if isinstance(proof, bytes) else None
        if request.method != PROVE or ours is None:
            if self._device.access is not None:
                self._device.access.refusals += 1
            return ActionResponse(request.invoke, DataAccessResult.READ_WRITE_DENIED)
        return ActionResponse(request.invoke, DataAccessResult.SUCCESS, axdr.octets(ours))

    def _associate(self, request: AssociationRequest, *, refuse: bool) -> AssociationResponse:
        self._agreed, self._blocks, self._admission = None, [], Admission()
        if refuse:
            return refusal(Diagnostic.NO_REASON_GIVEN)
        try:
            self._admission, request = admit(self._device.access, request)
        except Refused as refused:
            return refusal(refused.diagnostic)
        offered = FULL_CONFORMANCE
        if self._behaviour.lists == "absent":
            offered &= ~Conformance.MULTIPLE_REFERENCES
        self._client_pdu = max(request.max_pdu or LARGEST_PDU, SMALLEST_PDU)
        self._agreed = AssociationResponse(
            conformance=request.conformance & offered, max_pdu=self._behaviour.max_pdu
        )
        return granted(self._device.access, self._admission, self._agreed)

    def _serve(self, request: Request) -> Answer:
        match request:
            case GetRequest() | GetListRequest():
                return self._get(request)
            case GetNextRequest():
                return self._next_block(request)
            case SetRequest():
                return SetResponse(request.invoke, self._set(request))
            case ActionRequest():
                return ActionResponse(request.invoke, self._act(request))
            case ReleaseRequest():
                self._agreed, self._admission = None, Admission()
                return ReleaseResponse()
        return ExceptionResponse(SERVICE_NOT_ALLOWED, SERVICE_NOT_SUPPORTED)

    def _get(self, request: GetRequest | GetListRequest) -> Answer:
        self._blocks = []
        if isinstance(request, GetListRequest):
            return self._get_list(request)
        data, result = self._read(request.attribute, request.selection)
        whole = GetResponse(request.invoke, data, result)
        return whole if data is None else self._in_pieces(whole, data)

    def _get_list(self, request: GetListRequest) -> Answer:
        if self._behaviour.lists != "offered":
            return ExceptionResponse(SERVICE_NOT_ALLOWED, SERVICE_NOT_SUPPORTED)
        results = [get_result(*self._read(*item)) for item in request.items]
        body = length_field(len(results)) + b"".join(results)
        return self._in_pieces(GetListResponse(request.invoke, body), body)

    def _read(
        self, attribute: Attribute, selection: Selection | None
    ) -> tuple[bytes | None, DataAccessResult]:
        try:
            data = self._device.find(attribute).read(attribute.number, selection)
        except AccessDenied as denied:
            return None, denied.result
        except FrameError:
            return None, DataAccessResult.TYPE_UNMATCHED
        return data, DataAccessResult.SUCCESS

    def _in_pieces(self, whole: GetResponse | GetListResponse, content: bytes) -> Answer:
        """The whole answer if the client can take it, else the first block of it."""
        limit = min(self._client_pdu, self._behaviour.max_pdu)
        if len(whole.to_bytes()) <= limit:
            return whole
        assert self._agreed is not None  # noqa: S101 - nothing is served before
        if Conformance.BLOCK_TRANSFER_WITH_GET not in self._agreed.conformance:
            return GetResponse(whole.invoke, None, DataAccessResult.DATA_BLOCK_UNAVAILABLE)
        self._blocks = _cut(content, max(limit - BLOCK_HEAD_SIZE, SMALLEST_BLOCK))
        self._sent = 0
        return self._block(whole.invoke)

    def _next_block(self, request: GetNextRequest) -> GetBlockResponse:
        if not self._blocks:
            return _ended(request, DataAccessResult.NO_LONG_GET_IN_PROGRESS)
        if request.number != self._sent:
            self._blocks = []
            return _ended(request, DataAccessResult.DATA_BLOCK_NUMBER_INVALID)
        return self._block(request.invoke)

    def _block(self, invoke: int) -> GetBlockResponse:
        data = self._blocks[self._sent]
        self._sent += 1
        number, last = self._sent, self._sent == len(self._blocks)
        if last:
            self._blocks = []
        return GetBlockResponse(invoke, last, number, data)

    def _set(self, request: SetRequest) -> DataAccessResult:
        try:
            target = self._device.find(request.attribute)
            target.write(request.attribute.number, axdr.decode(request.data))
        except AccessDenied as denied:
            return denied.result
        except FrameError:
            return DataAccessResult.TYPE_UNMATCHED
        return DataAccessResult.SUCCESS

    def _act(self, request: ActionRequest) -> DataAccessResult:
        try:
            parameter = axdr.decode(request.data) if request.data else 0
            self._device.find(request.method).act(request.method.number, parameter)
        except AccessDenied as denied:
            return denied.result
        return DataAccessResult.SUCCESS


def _ended(request: GetNextRequest, result: DataAccessResult) -> GetBlockResponse:
    return GetBlockResponse(
        request.invoke, last=True, number=request.number, data=None, result=result
    )


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]
