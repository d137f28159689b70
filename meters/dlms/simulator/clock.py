"""The time of a simulated fleet: it starts in the past and catches up with real time."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol, Self

LEASE = timedelta(minutes=5)


class Keeper(Protocol):
    """Remembers, across a restart, until when time may have been told."""

    @property
    def checkpoint(self) -> datetime | None: ...

    def keep(self, checkpoint: datetime) -> None: ...


def real_time() -> datetime:
    return datetime.now(UTC)


class SimulatedClock:
    """
    Runs `speed` times as fast as real time until it has caught up with it, then alongside.

    It never goes back, nor ahead of real time. Before it tells a time it leaves a checkpoint up
    to five simulated minutes ahead with its keepers: five real seconds at sixty times the pace.
    A process that was killed resumes from that checkpoint, so it loses at most those minutes
    and never tells an earlier time than before.
    """

    def __init__(
        self,
        *,
        start: datetime,
        speed: int = 60,
        keepers: Sequence[Keeper] = (),
        time_source: Callable[[], datetime] = real_time,
    ) -> None:
        self._time_source = time_source
        self._started_at = time_source()
        self._start = min(start, self._started_at)
        self._speed = speed
        self._keepers = keepers
        self._told = self._start
        self._leased = self._start
        self._lock = Lock()

    @classmethod
    def resume(
        cls,
        keepers: Sequence[Keeper],
        *,
        behind: timedelta,
        speed: int = 60,
        time_source: Callable[[], datetime] = real_time,
    ) -> Self:
        """Go on from the latest checkpoint; without one, start so far behind real time."""
        checkpoints = [keeper.checkpoint for keeper in keepers if keeper.checkpoint]
        start = max(checkpoints) if checkpoints else time_source() - behind
        return cls(start=start, speed=speed, keepers=keepers, time_source=time_source)

    def now(self) -> datetime:
        with self._lock:
            real = self._time_source()
            passed = (real - self._started_at) * self._speed
            # The source may be set back; what was told stays told.
            self._told = max(self._told, min(real, self._start + passed))
            if self._told >= self._leased:
                self._leased = self._told + LEASE
                for keeper in self._keepers:
                    keeper.keep(self._leased)
            return self._told

    @property
    def lag(self) -> timedelta:
        """How far the clock is behind real time."""
        return max(self._time_source() - self.now(), timedelta(0))
