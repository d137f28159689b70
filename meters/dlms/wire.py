"""The requests of one association on their way: sealed, sent, answered in time, opened."""

import asyncio
from datetime import timedelta
from typing import Protocol

from meters.dlms.addressing import Route
from meters.dlms.apdu import parse_response
from meters.dlms.association import AARE, RLRE
from meters.dlms.ciphering import PLAIN, Cipher
from meters.dlms.errors import NotGenuine, Repetition, ReplyTimeout, ServiceRefused
from meters.dlms.knowledge import Knowledge
from meters.dlms.mailbox import Mailbox
from meters.dlms.services import ExceptionResponse, GetBlockResponse, Tag

INVOKE_ID_MASK = 0x0F
# What travels in clear text within a ciphered association: goodbyes and refusals.
NEVER_CIPHERED = frozenset({AARE, RLRE, Tag.EXCEPTION_RESPONSE, Tag.CONFIRMED_SERVICE_ERROR})


class Carrier(Protocol):
    """What a session needs of the line under it."""

    timeout: float
    utc_offset: timedelta
    knowledge: Knowledge

    def send(self, route: Route, apdu: bytes) -> None: ...


class Wire:
    """A question at a time over the line to one meter; ``cipher`` is None until keys are proved."""

    def __init__(self, line: Carrier, route: Route, mailbox: Mailbox) -> None:
        self.cipher: Cipher | None = None
        self._line = line
        self._route = route
        self._mailbox = mailbox

    @property
    def timeout(self) -> float:
        """How long an answer is waited for, in seconds."""
        return self._line.timeout

    async def ask[T](
        self,
        apdu: bytes,
        expected: type[T] | tuple[type[T], ...],
        invoke: int | None = None,
        *,
        wait: float | None = None,
        after: int = -1,
    ) -> T:
        """
        Send a request and wait for an answer of the ``expected`` kind.

        ``wait`` (seconds) is the line's timeout unless given; blocks up to and with ``after`` are
        repetitions on the way. What the line repeats is passed over: only the newest answer
        counts, so that to refuse the whole conversation for it would guard nothing.

        :raises ReplyTimeout: if none comes in time.
        :raises ServiceRefused: if the meter did not want to hear the question.
        :raises NotGenuine: if the answer was not made with the meter's keys.
        """
        self._mailbox.clear()
        self.send(apdu)
        try:
            async with asyncio.timeout(self.timeout if wait is None else wait):
                while True:
                    try:
                        response = parse_response(self._opened(await self._mailbox.take()))
                    except Repetition:
                        continue
                    if isinstance(response, ExceptionResponse):
                        raise ServiceRefused(
                            state_error=response.state_error,
                            service_error=response.service_error,
                        )
                    if isinstance(response, expected) and _answers(response, invoke, after):
                        return response
        except TimeoutError:
            raise ReplyTimeout(f"device {self._route.device} did not answer in time") from None

    def send(self, apdu: bytes) -> None:
        """Send what nobody waits for an answer to. :raises ConnectionLost: if the line is down."""
        self._line.send(self._route, self.cipher.seal(apdu) if self.cipher else apdu)

    def _opened(self, apdu: bytes) -> bytes:
        """:raises NotGenuine: if it is in clear text where it should not be, or not the meter's."""
        if self.cipher is None or apdu[:1] == b"" or apdu[0] in NEVER_CIPHERED:
            return apdu
        if apdu[0] not in PLAIN:
            raise NotGenuine("an answer in clear text within a ciphered association")
        return self.cipher.open(apdu)


def _answers(response: object, invoke: int | None, after: int) -> bool:
    """Whether a response belongs to the request: not to one before, nor is a block come twice."""
    if invoke is None:
        return True
    if isinstance(response, GetBlockResponse) and response.data is not None:
        is_new = response.number > after
        return is_new and (response.invoke ^ invoke) & INVOKE_ID_MASK == 0
    return (getattr(response, "invoke", invoke) ^ invoke) & INVOKE_ID_MASK == 0
