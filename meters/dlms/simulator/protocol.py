"""What the simulated concentrator needs to know of a simulated meter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from meters.dlms.simulator.access import Access

type Medium = Literal["electricity", "water"]


class SimulatedMeter(Protocol):
    """
    The behaviour of one meter; energy in whole watt-hours, volume in whole litres.

    A water meter has no relay and no export register.
    """

    @property
    def logical_device(self) -> int:
        """The wrapper port the meter answers on."""

    @property
    def serial(self) -> str:
        """The number on the plate."""

    @property
    def medium(self) -> Medium: ...

    @property
    def access(self) -> Access | None:
        """What a client must show to be let in; None for a meter that lets everybody in."""

    @property
    def has_relay(self) -> bool: ...

    @property
    def control_mode(self) -> int:
        """0 to 6 (IEC 62056-6-2, class 70)."""

    @property
    def connected(self) -> bool:
        """Whether the supply is on."""

    @property
    def ready_for_reconnection(self) -> bool:
        """Whether the supply is off and waits for the button on the meter."""

    @property
    def offline(self) -> bool:
        """Whether the concentrator cannot reach the meter now."""

    def now(self) -> datetime:
        """The meter's own clock (UTC); it may run faster than the real one."""

    def set_clock(self, at: datetime) -> None: ...

    def import_register(self, at: datetime) -> int:
        """Energy or volume delivered up to ``at``."""

    def export_register(self, at: datetime) -> int:
        """Energy fed back up to ``at``."""

    def profile(self, start: datetime, end: datetime) -> Sequence[tuple[datetime, int, int, int]]:
        """
        The load profile at the 900 s marks from ``start`` to ``end``, not beyond ``now()``.

        Each row is (taken at, AMR status, import, export).
        """

    def events(self, log: str) -> Sequence[tuple[datetime, int]]:
        """The entries (at, code) of the event log of this name (OBIS), the oldest first."""

    def disconnect(self) -> None:
        """Cut the supply; durable before it returns."""

    def reconnect(self) -> None:
        """
        Restore the supply, or make it ready for that; durable before it returns.

        In control modes 1, 3, 5 and 6 the meter becomes ready for reconnection instead.
        """
