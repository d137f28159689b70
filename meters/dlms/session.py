"""One association from the client's side: a request at a time, each with its own answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from meters.dlms import axdr, obis
from meters.dlms.addressing import Route
from meters.dlms.apdu import parse_response
from meters.dlms.association import (
    AARE,
    RLRE,
    AssociationRequest,
    AssociationResponse,
    Context,
    Diagnostic,
    ReleaseRequest,
    ReleaseResponse,
)
from meters.dlms.axdr import Value
from meters.dlms.ciphering import PLAIN, Cipher
from meters.dlms.credentials import NOTHING, Credentials, new_challenge
from meters.dlms.errors import (
    AccessDenied,
    AssociationRefused,
    CredentialsRefused,
    DlmsError,
    FrameError,
    NotGenuine,
    ReplyTimeout,
    ServiceRefused,
    access_failure,
)
from meters.dlms.initiate import Conformance
from meters.dlms.knowledge import Knowledge
from meters.dlms.obis import ClassId
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
    Tag,
    list_results,
)

CONFIRMED_HIGH_PRIORITY = 0xC0
INVOKE_ID_MASK = 0x0F
LONGEST_RESULT = 4 * 1024 * 1024
MOST_WAITING = 64
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
# What travels in clear text within a ciphered association: goodbyes and refusals.
NEVER_CIPHERED = frozenset({AARE, RLRE, Tag.EXCEPTION_RESPONSE, Tag.CONFIRMED_SERVICE_ERROR})

_GET_RESPONSES = (GetResponse, GetBlockResponse, GetListResponse)
type Asked = tuple[Attribute, Selection | None]
type GetReply = GetResponse | GetBlockResponse | GetListResponse


def again(error: DlmsError) -> DlmsError:
    """The error that broke a line, afresh: each task adds a traceback of its own."""
    return type(error)(*error.args)


class Mailbox:
    """The APDUs that came for one association and were not looked at yet."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | DlmsError] = asyncio.Queue()
        self._failure: DlmsError | None = None

    def put(self, apdu: bytes) -> None:
        # A peer that talks without being asked must not fill the memory.
        if self._queue.qsize() < MOST_WAITING:
            self._queue.put_nowait(apdu)

    def fail(self, error: DlmsError) -> None:
        self._failure = error
        self._queue.put_nowait(error)

    def clear(self) -> None:
        """Forget what came before the next request was sent."""
        while not self._queue.empty():
            self._queue.get_nowait()

    async def take(self) -> bytes:
        if self._failure is not None and self._queue.empty():
            raise again(self._failure)
        item = await self._queue.get()
        if isinstance(item, DlmsError):
            raise again(item)
        return item


class Carrier(Protocol):
    """What a session needs of the line under it."""

    timeout: float
    utc_offset: timedelta
    knowledge: Knowledge

    def send(self, route: Route, apdu: bytes) -> None: ...


class Session:
    """Requests and answers of one association; errors are those of :mod:`meters.dlms.errors`."""

    def __init__(self, line: Carrier, route: Route, mailbox: Mailbox) -> None:
        self.route = route
        self.knowledge = line.knowledge
        self.utc_offset = line.utc_offset
        self._line = line
        self._mailbox = mailbox
        self._turn = asyncio.Lock()
        self._granted = AssociationResponse()
        self._cipher: Cipher | None = None

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
        response = await self._exchange(request.to_bytes(), AssociationResponse)
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
        self._cipher = cipher
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
        wait = min(self._line.timeout, RELEASE_TIMEOUT)
        try:
            await self._exchange(ReleaseRequest().to_bytes(), ReleaseResponse, wait=wait)
        except DlmsError:
            return

    def abandon(self) -> None:
        """Say goodbye without waiting, after something went wrong."""
        try:
            self._line.send(self.route, ReleaseRequest().to_bytes())
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
            reply = await self._exchange(request.to_bytes(), SetResponse, request.invoke)
        if reply.result:
            raise access_failure(reply.result, str(attribute))

    async def act(self, method: Attribute, data: bytes) -> bytes | None:
        """What the method returns, encoded; None if it returns nothing."""
        async with self._turn:
            request = ActionRequest(self._next_invoke(), method, data)
            reply = await self._exchange(request.to_bytes(), ActionResponse, request.invoke)
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
        return await self._exchange(apdu, _GET_RESPONSES, invoke, after=after)

    def _next_invoke(self) -> int:
        return CONFIRMED_HIGH_PRIORITY | self.knowledge.next_invoke_id(self.route)

    async def _exchange[T](
        self,
        apdu: bytes,
        expected: type[T] | tuple[type[T], ...],
        invoke: int | None = None,
        *,
        wait: float | None = None,
        after: int = -1,
    ) -> T:
        self._mailbox.clear()
        self._line.send(self.route, self._cipher.seal(apdu) if self._cipher else apdu)
        try:
            async with asyncio.timeout(self._line.timeout if wait is None else wait):
                while True:
                    response = parse_response(self._opened(await self._mailbox.take()))
                    if isinstance(response, ExceptionResponse):
                        raise ServiceRefused(
                            state_error=response.state_error,
                            service_error=response.service_error,
                        )
                    if isinstance(response, expected) and _answers(response, invoke, after):
                        return response
        except TimeoutError:
            raise ReplyTimeout(f"device {self.route.device} did not answer in time") from None

    def _opened(self, apdu: bytes) -> bytes:
        """:raises NotGenuine: if it is in clear text where it should not be, or not the meter's."""
        if self._cipher is None or apdu[:1] == b"" or apdu[0] in NEVER_CIPHERED:
            return apdu
        if apdu[0] not in PLAIN:
            raise NotGenuine("an answer in clear text within a ciphered association")
        return self._cipher.open(apdu)


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


def _answers(response: object, invoke: int | None, after: int) -> bool:
    """Whether a response belongs to the request: not to one before, nor is a block come twice."""
    if invoke is None:
        return True
    if isinstance(response, GetBlockResponse) and response.data is not None:
        is_new = response.number > after
        return is_new and (response.invoke ^ invoke) & INVOKE_ID_MASK == 0
    return (getattr(response, "invoke", invoke) ^ invoke) & INVOKE_ID_MASK == 0
