"""The meters of a simulated fleet: what they register, and how they are switched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock

from meters.dlms.ciphering import Keys
from meters.dlms.credentials import Mechanism
from meters.dlms.simulator import happenings
from meters.dlms.simulator.access import Access
from meters.dlms.simulator.clock import SimulatedClock
from meters.dlms.simulator.journal import ClockSetting, Journal, RelayChange, RelayState
from meters.dlms.simulator.loads import Counts
from meters.dlms.simulator.plans import SLOT, FleetPlan, Medium, MeterPlan
from meters.dlms.simulator.registers import Potential, microseconds
from meters.dlms.simulator.relay import Relay

# Modes of IEC 62056-6-2 class 70 in which a remote reconnection must be confirmed at the meter.
CONFIRMED_AT_THE_METER = {1, 3, 5, 6}
CLOCK_ADJUSTED = 0b0010_0000
CLOCK_SHIFT_LIMIT = timedelta(seconds=9)

type ProfileRow = tuple[datetime, int, int, int]


class RelayRefused(Exception):
    """The meter has no relay, or its control mode forbids remote switching."""


@dataclass(frozen=True)
class Site:
    """What the meters of a fleet have in common."""

    plan: FleetPlan
    clock: SimulatedClock
    journal: Journal
    potential: Potential
    lock: RLock = field(default_factory=RLock)


class SimulatedMeter:
    """
    A meter as its concentrator sees it.

    Registers are whole watt-hours or litres and follow the fleet's time, also where the meter's
    own clock is wrong; none is told for a time that has not come.
    """

    def __init__(self, site: Site, plan: MeterPlan, row: int) -> None:
        self.plan = plan
        self.row = row
        self.relay = Relay()
        self.access = _access(plan)
        self._site = site
        self._clock_offset = timedelta(0)
        self._adjusted_marks: set[int] = set()

    @property
    def logical_device(self) -> int:
        return self.plan.logical_device

    @property
    def serial(self) -> str:
        return self.plan.serial

    @property
    def medium(self) -> Medium:
        return self.plan.kind.medium

    @property
    def has_relay(self) -> bool:
        return self.plan.kind.has_relay

    @property
    def control_mode(self) -> int:
        return self.plan.control_mode if self.has_relay else 0

    @property
    def connected(self) -> bool:
        return self.relay.state == RelayState.CONNECTED

    @property
    def ready_for_reconnection(self) -> bool:
        return self.relay.state == RelayState.READY

    @property
    def offline(self) -> bool:
        """Whether the concentrator cannot reach the meter now."""
        return self.plan.offline_at(self._site.clock.now())

    def now(self) -> datetime:
        """Return what the meter's own clock shows, in UTC."""
        return self._site.clock.now() + self._clock_offset

    def set_clock(self, at: datetime) -> None:
        """Set the meter's own clock; the interval in which it jumps is marked as adjusted."""
        with self._site.lock:
            now = self._site.clock.now()
            setting = ClockSetting(self.logical_device, now, at - now)
            self._site.journal.record_clock(setting)
            self.apply_clock(setting)

    def apply_clock(self, setting: ClockSetting) -> None:
        """Run off the fleet's time as the journal says."""
        if abs(setting.offset - self._clock_offset) > CLOCK_SHIFT_LIMIT:
            self._adjusted_marks.add(-((self._site.plan.epoch - setting.at) // SLOT))
        self._clock_offset = setting.offset

    def import_register(self, at: datetime) -> int:
        with self._site.lock:
            return self.plan.opening_register + self._passed(self._moment(at))

    def export_register(self, at: datetime) -> int:
        """Return zero: no home of this fleet feeds back."""
        return 0

    def drawn(self, at: datetime) -> int:
        """Return what was truly drawn since the epoch, through the meter and past it."""
        with self._site.lock:
            moment = self._moment(at)
            return self._passed(moment) + self._site.potential.bypassed(self.row, moment)

    def profile(self, start: datetime, end: datetime) -> list[ProfileRow]:
        """
        Return (taken at, AMR status, import, export) at each quarter of an hour there was.

        Both ends are included; nothing before the epoch or after the fleet's time is.
        """
        epoch = self._site.plan.epoch
        with self._site.lock:
            first = max(-((epoch - start) // SLOT), 0)
            last = (min(end, self._site.clock.now()) - epoch) // SLOT
            if last < first:
                return []
            passed = self._passed_between(first, last).tolist()
        opening, adjusted = self.plan.opening_register, self._adjusted_marks
        taken_at = epoch.astimezone(UTC) + first * SLOT
        rows = []
        for mark, units in enumerate(passed, start=first):
            rows.append((taken_at, CLOCK_ADJUSTED if mark in adjusted else 0, opening + units, 0))
            taken_at += SLOT
        return rows

    def events(self, log: str) -> list[tuple[datetime, int]]:
        """Return the entries (at, code) of an event log, the oldest first."""
        with self._site.lock:
            journal, device = self._site.journal, self.logical_device
            return happenings.entries(
                log,
                self.plan,
                [change for change in journal.relay_changes if change.device == device],
                [setting for setting in journal.clock_settings if setting.device == device],
                (self._site.plan.epoch, self._site.clock.now()),
            )

    def disconnect(self) -> None:
        """
        Open the relay; on disk before this returns.

        :raises RelayRefused: if the meter has no relay that can be switched.
        """
        self._switch(RelayState.DISCONNECTED)

    def reconnect(self) -> None:
        """
        Close the relay, or only allow that where somebody must press the button.

        :raises RelayRefused: if the meter has no relay that can be switched.
        """
        with self._site.lock:
            if self.control_mode not in CONFIRMED_AT_THE_METER:
                self._switch(RelayState.CONNECTED)
            elif not self.connected:
                self._switch(RelayState.READY)

    def press_button(self) -> None:
        """Close the relay if that was allowed; the button does nothing else."""
        with self._site.lock:
            if self.ready_for_reconnection:
                self._switch(RelayState.CONNECTED)

    def _switch(self, state: RelayState) -> None:
        if self.control_mode == 0:
            raise RelayRefused(self.serial)
        with self._site.lock:
            if state != self.relay.state:
                change = RelayChange(self.logical_device, self._site.clock.now(), state)
                self._site.journal.record_relay(change)
                self.apply_relay(change)

    def apply_relay(self, change: RelayChange) -> None:
        """Take the state the journal says."""
        potential = self._site.potential.at(self.row, microseconds(change.at))
        self.relay.switch(change.state, potential)

    def _moment(self, at: datetime) -> int:
        return microseconds(min(at, self._site.clock.now()))

    def _passed(self, moment: int) -> int:
        potential = self._site.potential.at(self.row, moment)
        return potential - self.relay.withheld(potential)

    def _passed_between(self, first: int, last: int) -> Counts:
        potential = self._site.potential.between(self.row, first, last)
        return potential - self.relay.withheld_from(potential)


def _access(plan: MeterPlan) -> Access | None:
    title = b"SIM" + plan.seed.to_bytes(8)[-5:]
    if plan.encryption_key:
        keys = Keys(bytes.fromhex(plan.encryption_key), bytes.fromhex(plan.authentication_key))
        return Access(Mechanism.HIGH_GMAC, title, keys=keys)
    if plan.password:
        return Access(Mechanism.LOW, title, password=plan.password.encode())
    return None


class BulkMeter(SimulatedMeter):
    """Sees what all units of its supply draw, common areas and losses; it cannot be switched."""

    def __init__(
        self, site: Site, plan: MeterPlan, row: int, measured: Sequence[SimulatedMeter]
    ) -> None:
        super().__init__(site, plan, row)
        self._measured = measured

    def common(self, at: datetime) -> int:
        """Return what the common areas drew since the epoch."""
        with self._site.lock:
            return super()._passed(self._moment(at))

    def drawn(self, at: datetime) -> int:
        return self.import_register(at) - self.plan.opening_register

    def _passed(self, moment: int) -> int:
        delivered = self._site.potential.delivered(self.plan.kind, moment)
        for meter in self._measured:
            if meter.relay.ever_opened:
                delivered -= meter.relay.withheld(self._site.potential.at(meter.row, moment))
        return delivered + self._site.plan.losses(self.medium, delivered)

    def _passed_between(self, first: int, last: int) -> Counts:
        delivered = self._site.potential.delivered_between(self.plan.kind, first, last)
        for meter in self._measured:
            if meter.relay.ever_opened:
                row = self._site.potential.between(meter.row, first, last)
                delivered = delivered - meter.relay.withheld_from(row)
        return delivered + self._site.plan.losses(self.medium, delivered)
