"""What came for one association and waits to be looked at."""

import asyncio

from meters.dlms.errors import DlmsError

MOST_WAITING = 64


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
