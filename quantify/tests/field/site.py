"""The estates of the proof: homes in the database, simulated meters, and faulty lines between."""

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

from estates.tests.factories import EstateFactory
from meters import installations, partitions
from meters.dlms.association import LARGEST_PDU
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.clock import SimulatedClock
from meters.dlms.simulator.concentrator import Concentrator as SimulatedConcentrator
from meters.dlms.simulator.fleet import Fleet, FleetPlan, MeterPlan, journal_of
from meters.dlms.simulator.meter import ProfileRow, SimulatedMeter
from meters.dlms.simulator.plans import Kind, seed_of
from meters.models import Concentrator, Meter
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from quantify.tests.faulty_line import FaultyLine, Script
from quantify.tests.field.clock import CompressedClock
from quantify.tests.field.script import MINUTE, Day, Home, Mishap
from rates.tests.factories import AssignmentFactory, flat
from units.tests.factories import UnitFactory
from wallets.models import Wallet

LOCALHOST = "127.0.0.1"
KWH_OR_KL = "20.00"
MOST_IN_A_QUARTER = 20_000
SHORT_PDU = 512
# A hidden hour is seen to lack by one round, and there for the next.
HIDDEN_FOR = 25 * MINUTE


class Site:
    """Two estates: what is simulated (`fleet`, `lines`), and their rows in the database."""

    def __init__(self, day: Day, homes: Iterable[Home], *, folder: Path, per_line: int) -> None:
        self.day, self.clock = day, CompressedClock(day.start)
        self.homes = {home.device: home for home in homes}
        self.fleet = _fleet(day, self.homes.values(), self.clock, folder)
        for home in self.homes.values():
            _hide(self.fleet[home.device], home, self.clock, day.end)
        self._per_line = per_line
        self.lines: dict[int, FaultyLine] = {}
        self.concentrators: dict[int, Concentrator] = {}
        self.meters: dict[int, Meter] = {}
        self.wallets: dict[int, Wallet] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)

    def open(self, script: Script, *, seed: int) -> None:
        """Start the simulators and the lines to them, and take the homes on."""
        self._thread.start()
        for place in sorted({self.place(home) for home in self.homes.values()}):
            behind = [self.fleet[home.device] for home in self._behind(place)]
            # Every other concentrator sends what is longer in blocks.
            behaviour = Behaviour(max_pdu=(LARGEST_PDU, SHORT_PDU)[place % 2])
            port = self._do(SimulatedConcentrator(behind, behaviour).start(LOCALHOST, 0))
            self.lines[place] = FaultyLine((LOCALHOST, port), script, seed=seed + place)
        self._take_on({place: self._do(line.start()) for place, line in self.lines.items()})

    def close(self) -> None:
        for line in self.lines.values():
            self._do(line.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self.fleet.close()

    def place(self, home: Home) -> int:
        """Which line a home hangs at: hundreds are the estate."""
        return home.estate * 100 + (home.device - 101) // 2 // self._per_line

    def neighbour(self, home: Home) -> int:
        """The other line of its estate that reaches a claimed meter."""
        mine = self.place(home)
        return mine - 1 if mine + 1 not in self.lines else mine + 1

    def truth(self, device: int, until: datetime) -> list[ProfileRow]:
        """The quarters of an hour of a meter as it really counted them."""
        return SimulatedMeter.profile(self.fleet[device], self.day.epoch, until)

    def _behind(self, place: int) -> list[Home]:
        return [
            home for home in self.homes.values()
            if self.place(home) == place
            or (home.mishap is Mishap.CLAIMED and abs(self.place(home) - place) == 1)
        ]  # fmt: skip

    def _do[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _take_on(self, ports: dict[int, int]) -> None:
        partitions.ensure(self.day.epoch.date(), self.day.end.date())
        windows = ("any", "office_hours")
        estates = [EstateFactory.create(settings__disconnect_window=one) for one in windows]
        for estate in estates:
            for utility in ("electricity", "water"):
                AssignmentFactory.create(
                    estate=estate,
                    rate_table__utility=utility,
                    rate_table__version__components=flat(KWH_OR_KL),
                )
        for place, port in ports.items():
            self.concentrators[place] = ConcentratorFactory.create(
                estate=estates[place // 100], port=port, timeout_seconds=1
            )
        for home in self.homes.values():
            self._move_in(home)

    def _move_in(self, home: Home) -> None:
        concentrator, simulated = self.concentrators[self.place(home)], self.fleet[home.device]
        unit = UnitFactory.create(estate=concentrator.estate, unit_number=home.serial)
        meter = MeterFactory.create(
            estate=concentrator.estate,
            serial=home.serial,
            kind=home.kind.value,
            concentrator=concentrator,
            logical_device=home.device,
            has_relay=simulated.has_relay,
            maximum_per_interval=MOST_IN_A_QUARTER,
        )
        RegisterFactory.create(meter=meter)
        installations.install(
            meter=meter,
            unit=unit,
            starts_at=self.day.epoch,
            opening_value=simulated.plan.opening_register,
            now=self.day.epoch,
        )
        self.meters[home.device] = meter
        self.wallets[home.device] = Wallet.objects.get(unit=unit)


def _fleet(day: Day, homes: Iterable[Home], clock: CompressedClock, folder: Path) -> Fleet:
    plan = FleetPlan(code="FIELD", epoch=day.epoch, meters=tuple(_planned(one) for one in homes))
    journal = journal_of(plan, folder / "journal")
    simulated = SimulatedClock(
        start=day.start, speed=1, keepers=[journal], time_source=clock.now
    )  # fmt: skip
    return Fleet(plan, simulated, journal)


def _planned(home: Home) -> MeterPlan:
    away = home.trouble if home.mishap is Mishap.AWAY else None
    return MeterPlan(
        logical_device=home.device,
        serial=home.serial,
        kind=home.kind,
        seed=seed_of(home.serial),
        residents=2 + home.device % 3,
        opening_register=1000 * home.device,
        control_mode=0 if home.kind is Kind.WATER else 4,
        offline_from=away and away[0],
        offline_until=away and away[1],
    )


def _hide(meter: SimulatedMeter, home: Home, clock: CompressedClock, found_again: datetime) -> None:
    """Let a meter leave out rows of its profile for a while, as its mishap says."""
    if home.trouble is None or home.mishap not in _HIDDEN:
        return
    begin, end = home.trouble
    found = {
        Mishap.HOLE: end + HIDDEN_FOR,
        Mishap.FROZEN: end,
        Mishap.DAY_MISSING: found_again,
    }[home.mishap]
    whole = meter.profile

    def profile(first: datetime, last: datetime) -> list[ProfileRow]:
        rows = whole(first, last)
        if clock.now() >= found:
            return rows
        return [row for row in rows if not begin < row[0] <= end]

    meter.profile = profile  # type: ignore[method-assign]


_HIDDEN = {Mishap.HOLE, Mishap.FROZEN, Mishap.DAY_MISSING}
