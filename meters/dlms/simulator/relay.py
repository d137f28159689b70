"""A meter's relay: whether supply flows, and what it kept from flowing."""

import numpy as np

from meters.dlms.simulator.journal import RelayState
from meters.dlms.simulator.loads import Counts


class Relay:
    """The state of a relay, and the spans of the potential register it kept from flowing."""

    def __init__(self) -> None:
        self.state = RelayState.CONNECTED
        self._cuts: list[tuple[int, int]] = []
        self._opened_at: int | None = None

    @property
    def ever_opened(self) -> bool:
        return bool(self._cuts) or self._opened_at is not None

    def switch(self, state: RelayState, potential: int) -> None:
        """Take a state when the register would have stood at a value."""
        if state == RelayState.CONNECTED and self._opened_at is not None:
            self._cuts.append((self._opened_at, potential))
            self._opened_at = None
        elif state == RelayState.DISCONNECTED and self._opened_at is None:
            self._opened_at = potential
        self.state = state

    def withheld(self, potential: int) -> int:
        """
        Return how much of a potential register did not flow.

        The potential never falls, so cutting at a value is cutting at its instant.
        """
        total = sum(max(min(potential, end) - start, 0) for start, end in self._cuts)
        if self._opened_at is not None:
            total += max(potential - self._opened_at, 0)
        return total

    def withheld_from(self, potential: Counts) -> Counts:
        """Return the same for each of many values."""
        total = np.zeros_like(potential)
        for start, end in self._cuts:
            total += np.clip(potential, start, end) - start
        if self._opened_at is not None:
            total += np.maximum(potential - self._opened_at, 0)
        return total
