"""A simulated concentrator that serves over real TCP, in a thread beside the test."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from meters.dlms.simulator.clock import SimulatedClock
from meters.dlms.simulator.concentrator import Concentrator
from meters.dlms.simulator.fleet import Fleet, FleetPlan, MeterPlan, journal_of
from meters.dlms.simulator.protocol import SimulatedMeter

LOCALHOST = "127.0.0.1"


class Served:
    """A fleet and its concentrator; `port` is where it listens."""

    def __init__(self, fleet: Fleet, concentrator: Concentrator, port: int) -> None:
        self.fleet = fleet
        self.concentrator = concentrator
        self.port = port

    @property
    def faults(self):
        return self.concentrator.faults


def plan(meters: list[MeterPlan], epoch: datetime) -> FleetPlan:
    return FleetPlan(code="WC001", epoch=epoch, meters=tuple(meters))


@contextmanager
def serving(fleet_plan: FleetPlan, directory: Path, now: datetime) -> Iterator[Served]:
    """Serve a fleet whose time is `now` throughout."""
    journal = journal_of(fleet_plan, directory / "journal")
    clock = SimulatedClock(start=now, keepers=[journal], time_source=lambda: now)
    fleet = Fleet(fleet_plan, clock, journal)
    concentrator = Concentrator(fleet)
    try:
        with listening(concentrator) as port:
            yield Served(fleet, concentrator, port)
    finally:
        fleet.close()


@contextmanager
def serving_standins(
    *meters: SimulatedMeter, host: str = LOCALHOST, port_of_meter: int | None = None
) -> Iterator[int]:
    """Serve meters in memory; the port. At wrapper port 1 a meter stands for itself alone."""
    concentrator = Concentrator()
    for meter in meters:
        concentrator.install(meter, port_of_meter)
    with listening(concentrator, host) as port:
        yield port


@contextmanager
def listening(concentrator: Concentrator, host: str = LOCALHOST) -> Iterator[int]:
    """Run a concentrator in a thread of its own; the port it listens at."""
    started, told = Event(), {}

    async def serve() -> None:
        told["loop"], told["stop"] = asyncio.get_running_loop(), asyncio.Event()
        told["port"] = await concentrator.start(host, 0)
        started.set()
        await told["stop"].wait()
        await concentrator.stop()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait(10)
    try:
        yield told["port"]
    finally:
        told["loop"].call_soon_threadsafe(told["stop"].set)
        thread.join(10)
