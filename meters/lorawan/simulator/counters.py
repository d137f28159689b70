"""
Pulse counters at simulated meters: an EM300-DI at water, a UC300 with a contactor elsewhere.

One pulse is a litre or a watt-hour; the counter stood at zero when the meter's register was at its
opening value. The EM300-DI keeps what it counted at the last quarters and may send it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meters.dlms.simulator.plans import MeterPlan
from meters.lorawan import em300_di, uc300
from meters.lorawan.em300_di import COUNTER, History, Pulses
from meters.lorawan.milesight import Battery
from meters.lorawan.simulator import events
from meters.lorawan.simulator.events import Device, Event
from meters.lorawan.uc300 import Output

QUARTER = timedelta(minutes=15)
AT_ONCE = 15
"""Quarters that a frame of the EM300-DI holds besides the last: 234 of at most 242 bytes."""
MILD, HALF_WET = 214, 97
"""21.4 °C and 48.5 %."""
LOWEST_BATTERY, SPAN_OF_BATTERIES = 71, 29


@dataclass(frozen=True, slots=True)
class Counter:
    """The device at one meter, put up at the `epoch`: its frames are numbered from there."""

    plan: MeterPlan
    epoch: datetime

    @property
    def has_relay(self) -> bool:
        return self.plan.kind.has_relay

    @property
    def model(self) -> str:
        return "uc300" if self.has_relay else "em300_di"

    @property
    def device(self) -> Device:
        words = "Milesight UC300" if self.has_relay else "Milesight EM300-DI"
        return Device(self.plan.dev_eui, f"{self.plan.serial} pulses", words)

    def number(self, at: datetime) -> int:
        """The frame counter at an instant: it never goes back, whatever is started again."""
        return (at - self.epoch) // timedelta(seconds=1)

    def report(self, at: datetime, register: int, *, is_on: bool = True) -> Event:
        """What the device sends at a quarter of an hour by itself."""
        return self._up(at, self._now(register, is_on=is_on))

    def tells_relay(self, at: datetime, *, is_on: bool) -> Event:
        """What a UC300 sends when its output has changed."""
        return self._up(at, uc300.encode([Output(int(is_on))]))

    def past(self, begin: datetime, registers: Sequence[int]) -> Iterator[Event]:
        """Frames that hold these registers, one a quarter of an hour from `begin` on."""
        step = 1 if self.has_relay else AT_ONCE + 1
        for first in range(0, len(registers), step):
            *before, last = registers[first : first + step]
            kept = [
                self._kept(begin + (first + number) * QUARTER, register)
                for number, register in enumerate(before)
            ]
            at = begin + (first + len(before)) * QUARTER
            now = self._now(last, is_on=True)
            yield self._up(at, now + em300_di.encode(kept) if kept else now)

    def _pulses(self, register: int) -> int:
        return register - self.plan.opening_register

    def _now(self, register: int, *, is_on: bool) -> bytes:
        pulses = self._pulses(register)
        if self.has_relay:
            return uc300.encode([uc300.Pulses(pulses), Output(int(is_on))])
        battery = Battery(LOWEST_BATTERY + self.plan.seed % SPAN_OF_BATTERIES)
        return em300_di.encode([battery, Pulses(pulses)])

    def _kept(self, at: datetime, register: int) -> History:
        seconds, pulses = int(at.timestamp()), self._pulses(register)
        return History(seconds, MILD, HALF_WET, COUNTER, 0, pulses)

    def _up(self, at: datetime, payload: bytes) -> Event:
        port = uc300.PORT if self.has_relay else em300_di.PORT
        return events.up(self.device, at=at, counter=self.number(at), port=port, payload=payload)
