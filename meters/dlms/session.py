"""One association from the client's side: a request at a time, each with its own answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from meters.dlms import axdr, obis
from meters.dlms.addressing import Route
from meters.dlms.association import (
    AssociationRequest,
    AssociationResponse,
    Context,
    Diagnostic,
    ReleaseRequest,
    ReleaseResponse,
)
from meters.dlms.axdr import Value
from meters.dlms.ciphering import Cipher
from meters.dlms.credentials import NOTHING, Credentials, new_challenge
from meters.dlms.errors import (
    AccessDenied,
    AssociationRefused,
    CredentialsRefused,
    DlmsError,
    FrameError,
    NotGenuine,
    ServiceRefused,
    access_failure,
)
from meters.dlms.initiate import Conformance
from meters.dlms.mailbox import Mailbox
from meters.dlms.obis import ClassId
from meters.dlms.selection import Selection
from meters.dlms.services import (
    ActionRequest,
    ActionResponse,
    Attribute,
    GetBlockResponse,
    GetListRequest,
    GetListResponse,
    GetNextRequest,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
    list_results,
)
from meters.dlms.wire import Carrier, Wire

CONFIRMED_HIGH_PRIORITY = 0xC0
LONGEST_RESULT = 4 * 1024 * 1024
RELEASE_TIMEOUT = 1.0
ITEM_SIZE, LIST_HEAD_SIZE, MOST_ITEMS = 10, 4, 32

PROVE = Attribute(ClassId.ASSOCIATION_LN, obis.ASSOCIATION, 1)
ABOUT_CREDENTIALS = frozenset(
    {
        Diagnostic.MECHANISM_NAME_NOT_RECOGNISED,
        Diagnostic.MECHANISM_NAME_REQUIRED,
        Diagnostic.AUTHENTICATION_FAILURE,
        Diagnostic.AUTHENTICATION_REQUIRED,
    }
)

_GET_RESPONSES = (GetResponse, GetBlockResponse, GetListResponse)
type Asked = tuple[Attribute, Selection | None]
type GetReply = GetResponse | GetBlockResponse | GetListResponse


class Session:
    """Requests and answers of one association; errors are those of :mod:`meters.dlms.errors`."""

    def __init__(self, line: Carrier, route: Route, mailbox: Mailbox) -> None:
        self.route = route
        self.knowledge = line.knowledge
        self.utc_offset = line.utc_offset
        self._wire = Wire(line, route, mailbox)
        self._turn = asyncio.Lock()
        self._granted = AssociationResponse()

    async def open(self, request: AssociationRequest, credentials: Credentials = NOTHING) -> None:
        """
        Associate, and prove to each other that both have the keys, where there are keys.

        :raises CredentialsRefused: if the meter does not accept the password or the keys.
        :raises NotGenuine: if the meter cannot prove that it has the keys.
        """
        cipher, challenge = credentials.cipher(), new_challenge()
        if cipher is None:
            request = replace(
                request, mechanism=credentials.mechanism, credential=credentials.password
            )
        else:
            request = replace(
                request,
                context=Context.LOGICAL_NAME_CIPHERED,
                mechanism=credentials.mechanism,
                title=credentials.title,
                credential=challenge,
                sealed=cipher.seal(request.initiate()),
            )
        response = await self._wire.ask(request.to_bytes(), AssociationResponse)
        if not response.accepted:
            raise _refusal(self.route, response)
        if cipher is not None:
            response = await self._authenticate(cipher, challenge, response)
        self._granted = response

    async def _authenticate(
        self, cipher: Cipher, challenge: bytes, response: AssociationResponse
    ) -> AssociationResponse:
        """Passes 3 and 4 of high level security; from here on everything travels ciphered."""
        cipher.peer = response.title
        granted = response.opened(cipher.open(response.sealed)) if response.sealed else response
        self._wire.cipher = cipher
        try:
            said = await self.act(PROVE, axdr.octets(cipher.prove(response.credential)))
        except AccessDenied as error:
            raise CredentialsRefused(f"device {self.route.device} refused our proof") from error
        proof = axdr.decode(said) if said else None
        if not isinstance(proof, bytes) or not cipher.is_proof(challenge, proof):
            raise NotGenuine(f"device {self.route.device} could not prove that it has the keys")
        return granted

    async def release(self) -> None:
        """Say goodbye; a meter that does not answer has nothing to add."""
        wait = min(self._wire.timeout, RELEASE_TIMEOUT)
        try:
            await self._wire.ask(ReleaseRequest().to_bytes(), ReleaseResponse, wait=wait)
        except DlmsError:
            return

    def abandon(self) -> None:
        """Say goodbye without waiting, after something went wrong."""
        try:
            self._wire.send(ReleaseRequest().to_bytes())
        except DlmsError:
            return

    async def get(self, attribute: Attribute, selection: Selection | None = None) -> bytes:
        """The encoded data of one attribute, put together from blocks where need be."""
        async with self._turn:
            request = GetRequest(self._next_invoke(), attribute, selection)
            reply = await self._ask_get(request.to_bytes(), request.invoke)
            if isinstance(reply, GetBlockResponse):
                return await self._blocks(reply, str(attribute))
        if isinstance(reply, GetListResponse):
            raise FrameError("a list in answer to a single GET")
        if reply.data is None:
            raise access_failure(reply.result, str(attribute))
        return reply.data

    async def get_list(self, items: Sequence[Asked]) -> list[Value | AccessDenied]:
        """
        Many attributes in one request; a failure stands in the place of its attribute.

        :raises ServiceRefused: if the meter does not do lists.
        """
        async with self._turn:
            request = GetListRequest(self._next_invoke(), items)
            reply = await self._ask_get(request.to_bytes(), request.invoke)
            if isinstance(reply, GetBlockResponse):
                body = await self._blocks(reply, "list")
            elif isinstance(reply, GetListResponse):
                body = reply.body
            else:
                # Some meters refuse a list with the form of an answer to a single GET.
                raise ServiceRefused(state_error=0, service_error=reply.result)
        results = list_results(body)
        if len(results) != len(items):
            raise FrameError(f"{len(results)} answers to {len(items)} questions")
        return results

    async def set(self, attribute: Attribute, data: bytes) -> None:
        async with self._turn:
            request = SetRequest(self._next_invoke(), attribute, data)
            reply = await self._wire.ask(request.to_bytes(), SetResponse, request.invoke)
        if reply.result:
            raise access_failure(reply.result, str(attribute))

    async def act(self, method: Attribute, data: bytes) -> bytes | None:
        """What the method returns, encoded; None if it returns nothing."""
        async with self._turn:
            request = ActionRequest(self._next_invoke(), method, data)
            reply = await self._wire.ask(request.to_bytes(), ActionResponse, request.invoke)
        if reply.result:
            raise access_failure(reply.result, str(method))
        return reply.data

    @property
    def largest_list(self) -> int:
        """How many attributes fit in one list; 0 if the meter does not do lists."""
        if Conformance.MULTIPLE_REFERENCES not in self._granted.conformance:
            return 0
        if self.route in self.knowledge.without_lists:
            return 0
        if not self._granted.max_pdu:
            return MOST_ITEMS
        return min(MOST_ITEMS, (self._granted.max_pdu - LIST_HEAD_SIZE) // ITEM_SIZE)

    async def _blocks(self, block: GetBlockResponse, subject: str) -> bytes:
        invoke, expected, parts, size = block.invoke, 1, list[bytes](), 0
        while True:
            if block.data is None:
                raise access_failure(block.result, subject)
            if block.number != expected:
                raise FrameError(f"block {block.number} instead of {expected}")
            parts.append(block.data)
            size += len(block.data)
            if block.last:
                return b"".join(parts)
            if size > LONGEST_RESULT or not block.data:
                raise FrameError(f"a result of more than {size} octets")
            request = GetNextRequest(invoke, expected).to_bytes()
            reply = await self._ask_get(request, invoke, after=expected)
            if not isinstance(reply, GetBlockResponse):
                raise _broken_off(reply, subject)
            block, expected = reply, expected + 1

    async def _ask_get(self, apdu: bytes, invoke: int, *, after: int = -1) -> GetReply:
        """The answer to a GET; blocks up to and with ``after`` are repetitions on the way."""
        return await self._wire.ask(apdu, _GET_RESPONSES, invoke, after=after)

    def _next_invoke(self) -> int:
        return CONFIRMED_HIGH_PRIORITY | self.knowledge.next_invoke_id(self.route)


def _refusal(route: Route, response: AssociationResponse) -> AssociationRefused:
    kind = CredentialsRefused if response.diagnostic in ABOUT_CREDENTIALS else AssociationRefused
    return kind(
        f"device {route.device} refused the association",
        result=response.result,
        diagnostic=response.diagnostic,
    )


def _broken_off(reply: GetReply, subject: str) -> DlmsError:
    if isinstance(reply, GetResponse) and reply.data is None:
        return access_failure(reply.result, subject)
    return FrameError("a block transfer that ends in another kind of answer")
