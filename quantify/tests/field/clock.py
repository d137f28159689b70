"""Compressed time: it runs on as real time does, and jumps from one round of work to the next."""

import time
from datetime import datetime, timedelta
from threading import Lock


class CompressedClock:
    """One time for the simulator, the product's functions and the witness; it never goes back."""

    def __init__(self, start: datetime) -> None:
        self._base = start
        self._since = time.monotonic()
        self._lock = Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._base + timedelta(seconds=time.monotonic() - self._since)

    def jump(self, to: datetime) -> None:
        """Go on from an instant that has not come yet; one that has is passed over."""
        now = self.now()
        with self._lock:
            self._base, self._since = max(to, now), time.monotonic()
