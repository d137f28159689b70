"""
Visiting meters over a concentrator's line; plain values in, plain values out.

Replies over power line take their time, so many meters are asked at once over each connection;
the address in every frame tells whose reply it is. What goes wrong with one meter is told with
it. When a connection breaks, whoever was spoken to over it is visited once more, alone, so that
only the one that breaks it fails.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async

from meters import clocks
from meters.collecting.identity import AnotherMeter
from meters.collecting.reading import read_out, set_clock
from meters.collecting.rounds import Round, Stopwatch, Visit
from meters.collecting.targets import Target
from meters.dlms.client import Line
from meters.dlms.credentials import Credentials
from meters.dlms.errors import ConnectionLost, CredentialsRefused, DlmsError
from meters.keys import Withheld

GIVE_UP_AFTER = 2

type Told = Callable[[Visit], object]
type Issuing = Callable[[UUID], Credentials]
type Walk = Coroutine[Any, Any, None]


def visit_all(
    targets: Sequence[Target], visiting: Round, told: Told, issue: Issuing
) -> list[Visit]:
    """
    Visit meters, begun in the given order; ``told`` hears of each when it is done.

    ``issue`` is asked, in the thread of the caller, for what to show a meter that has keys.
    """
    visits = [Visit(target) for target in targets]
    async_to_sync(_Tour(visiting, told, issue).go)(visits)
    return visits


class _Tour:
    """One round under way."""

    def __init__(self, visiting: Round, told: Told, issue: Issuing) -> None:
        self._round = visiting
        self._told = told
        self._issue = issue
        self._stopwatch = Stopwatch(visiting.began)
        self._suspects: deque[Visit] = deque()

    async def go(self, visits: Sequence[Visit]) -> None:
        waiting, connections = deque(visits), self._round.connections
        if self._round.address.is_shared:
            await self._work(waiting, connections, self._together)
            await self._work(self._suspects, connections, self._one_by_one)
        else:
            await self._work(waiting, connections * self._round.outstanding, self._one_by_one)
        if self._round.keeps_clocks:
            await self._work(_to_be_set(visits), connections, self._set_clocks)

    async def _work(
        self, waiting: deque[Visit], lanes: int, walk: Callable[[deque[Visit]], Walk]
    ) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(lanes, len(waiting))):
                group.create_task(walk(waiting))

    async def _together(self, waiting: deque[Visit]) -> None:
        """Ask many meters at once over one connection after another, if they break."""
        failures, reason = 0, ""
        while self._goes_on(waiting) and failures < GIVE_UP_AFTER:
            before = len(waiting)
            try:
                await self._share_connection(waiting)
            except ConnectionLost as error:
                reason = _words(error)
            failures = failures + 1 if len(waiting) == before else 0
        if failures >= GIVE_UP_AFTER:
            for visit in waiting:
                visit.error = reason

    async def _share_connection(self, waiting: deque[Visit]) -> None:
        async with self._round.address.connect() as connection, asyncio.TaskGroup() as group:
            for _ in range(min(self._round.outstanding, len(waiting))):
                group.create_task(self._ask(waiting, connection))

    async def _ask(self, waiting: deque[Visit], connection: Line) -> None:
        while self._goes_on(waiting) and not connection.is_down():
            visit = waiting.popleft()
            await self._visit(visit, connection)
            if visit.error and connection.is_down():
                self._suspects.append(visit)
            else:
                self._told(visit)

    async def _one_by_one(self, waiting: deque[Visit]) -> None:
        """Visit each over a connection of its own: what breaks is that meter's."""
        while self._goes_on(waiting):
            visit = waiting.popleft()
            try:
                async with self._round.address.connect(visit.target.address) as connection:
                    await self._visit(visit, connection)
            except ConnectionLost as error:
                visit.tried, visit.error = True, _words(error)
            self._told(visit)

    async def _set_clocks(self, waiting: deque[Visit]) -> None:
        """
        Set clocks when all is read, so that no readings of two times are mixed up.

        Whether they are to be set is known only when all meters have told theirs.
        """
        while self._goes_on(waiting):
            visit = waiting.popleft()
            try:
                await self._show_credentials(visit)
                async with (
                    self._round.address.connect(visit.target.address) as connection,
                    self._round.address.associate(
                        connection, visit.target.address, visit.credentials
                    ) as talk,
                ):
                    await set_clock(talk, visit, self._round, self._stopwatch)
            except (DlmsError, Withheld) as error:
                visit.error = f"The clock could not be set: {_words(error)}"

    async def _visit(self, visit: Visit, connection: Line) -> None:
        address, limit = self._round.address, self._round.meter_seconds
        try:
            await self._show_credentials(visit)
            visit.tried, visit.error = True, ""
            async with (
                asyncio.timeout(limit),
                address.associate(connection, visit.target.address, visit.credentials) as talk,
            ):
                await read_out(talk, visit, self._round, self._stopwatch)
        except Withheld as error:
            visit.error = str(error)
        except TimeoutError:
            visit.error = f"The meter was too slow: not done after {limit:g} s."
        except CredentialsRefused as error:
            visit.error, visit.refused = _words(error), True
            visit.counter_heard = await address.counter_heard_by(connection, visit.target.address)
        except AnotherMeter as error:
            visit.error, visit.is_another = str(error), True
        except DlmsError as error:
            visit.error = _words(error)

    async def _show_credentials(self, visit: Visit) -> None:
        """Counters are taken when the talk begins: a command may have had some since the round."""
        if visit.target.has_keys:
            heard = visit.credentials.heard.value
            visit.credentials = await sync_to_async(self._issue)(visit.target.meter_id)
            visit.credentials.heard.value = max(heard, visit.credentials.heard.value)

    def _goes_on(self, waiting: deque[Visit]) -> bool:
        return bool(waiting) and self._stopwatch.passed < self._round.seconds


def _to_be_set(visits: Sequence[Visit]) -> deque[Visit]:
    """Who answered and whose clock is off, unless it is ours."""
    heard = [visit for visit in visits if visit.heard and not visit.error]
    if clocks.are_doubtful(visit.drift for visit in heard):
        return deque()
    return deque(visit for visit in heard if clocks.is_off(visit.drift))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
