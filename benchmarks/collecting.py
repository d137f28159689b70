"""
How long a 15-minute cycle of collection takes on one worker, over a slow line.

    python -m quantify.stack run -- python benchmarks/collecting.py --meters 1000

Simulated meters answer in a process of their own, each request after `--delay` seconds, as over
power line. Concentrators of 500 meters are collected one after the other, as one worker would:
first an hour with its event logs, then the cycle that is told of: what came in 15 minutes, judged
and stored, with intervals and days. Everything happens in the database that DATABASE_URL names,
which should be one to throw away.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from estates.models import Estate  # noqa: E402
from meters.collecting import collection  # noqa: E402
from meters.collecting.outcomes import Summary  # noqa: E402
from meters.dlms.simulator.behaviour import Behaviour  # noqa: E402
from meters.dlms.simulator.clock import SimulatedClock  # noqa: E402
from meters.dlms.simulator.concentrator import Concentrator as Simulated  # noqa: E402
from meters.dlms.simulator.fleet import (  # noqa: E402
    Fleet,
    FleetPlan,
    Kind,
    MeterPlan,
    journal_of,
    seed_of,
)
from meters.models import Concentrator, Installation, Meter, Register  # noqa: E402
from units.models import Unit  # noqa: E402

EPOCH = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = EPOCH + timedelta(hours=1, minutes=3)
QUARTER = timedelta(minutes=15)
BEHIND_ONE = 500
FIRST_DEVICE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--outstanding", type=int, default=8)
    parser.add_argument("--serve", metavar="CODE", help="Be the simulator of this estate.")
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.serve, asked.meters, asked.delay))
        return
    call_command("migrate", verbosity=0)
    code = f"B{time.time_ns()}"
    served = [f"--serve={code}", f"--meters={asked.meters}", f"--delay={asked.delay}"]
    with subprocess.Popen(  # noqa: S603
        [sys.executable, __file__, *served],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as simulator:
        ports = json.loads(simulator.stdout.readline())
        concentrators = make(asked, code, ports)
        cycle(concentrators, FIRST)
        before = cpu(), step(simulator)
        started = time.perf_counter()
        summaries = cycle(concentrators, FIRST + QUARTER)
        wall = time.perf_counter() - started
        after = cpu(), step(simulator)
        simulator.stdin.close()
    tell(asked, summaries, wall, [then - earlier for earlier, then in zip(before, after)])  # noqa: B905


def make(asked: argparse.Namespace, code: str, ports: list[int]) -> list[Concentrator]:
    """The estate with a unit for each meter, and the concentrators that serve it."""
    estate = Estate.objects.create(code=code, name="Benchmark")
    concentrators = Concentrator.objects.bulk_create(
        Concentrator(
            estate=estate, serial=f"{code}-{port}", host="127.0.0.1", port=port,
            connections=asked.connections, outstanding=asked.outstanding,
            # The simulated time stands still during a cycle.
            keeps_clocks=False,
        )
        for port in ports
    )  # fmt: skip
    meters = Meter.objects.bulk_create(
        Meter(
            estate=estate, serial=serial_of(code, number), kind="electricity", has_relay=True,
            concentrator=concentrators[number // BEHIND_ONE], maximum_per_interval=50_000,
            logical_device=FIRST_DEVICE + number,
        )
        for number in range(asked.meters)
    )  # fmt: skip
    Register.objects.bulk_create(
        Register(meter=meter, channel=1, obis="1.0.1.8.0.255", profile_obis="1.0.99.1.0.255")
        for meter in meters
    )
    units = Unit.objects.bulk_create(
        Unit(estate=estate, unit_number=str(number)) for number in range(asked.meters)
    )
    Installation.objects.bulk_create(
        Installation(meter=meter, unit=unit, kind=meter.kind, starts_at=EPOCH, opening_value=0)
        for meter, unit in zip(meters, units, strict=True)
    )
    return concentrators


def cycle(concentrators: list[Concentrator], now: datetime) -> list[Summary]:
    return [collection.collect(concentrator_id=one.pk, now=now) for one in concentrators]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def step(simulator: subprocess.Popen) -> float:
    """Let a quarter of an hour pass for the meters; the CPU seconds they have used."""
    simulator.stdin.write("\n")
    simulator.stdin.flush()
    return float(simulator.stdout.readline())


def tell(
    asked: argparse.Namespace, summaries: list[Summary], wall: float, used: list[float]
) -> None:
    heard = sum(summary.heard for summary in summaries)
    created = sum(summary.recorded.created for summary in summaries)
    failed = [why for summary in summaries for why in summary.failures.values()]
    assert not failed, failed[:3]
    assert created == asked.meters
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{heard:,} meters, {asked.connections} x {asked.outstanding} at once,"
        f" {asked.delay * 1000:.0f} ms a request: {wall:.1f} s ({heard / wall:.0f} meters/s);"
        f" worker {used[0]:.1f} s CPU ({used[0] / heard * 1000:.1f} ms a meter), {memory:.0f} MB;"
        f" simulator {used[1]:.1f} s CPU ({used[1] / sum(used):.0%} of both)"
    )


async def serve(code: str, count: int, delay: float) -> None:
    """Simulated concentrators of 500 meters each, until standard input ends."""
    now = FIRST
    planned = tuple(plan_of(code, number) for number in range(count))
    plan = FleetPlan(code=code, epoch=EPOCH, meters=planned)
    with tempfile.TemporaryDirectory() as folder:
        journal = journal_of(plan, Path(folder) / "journal")
        clock = SimulatedClock(start=now, keepers=[journal], time_source=lambda: now)
        meters = list(Fleet(plan, clock, journal))
        servers = [
            Simulated(meters[at : at + BEHIND_ONE], Behaviour(delay=delay))
            for at in range(0, count, BEHIND_ONE)
        ]
        print(json.dumps([await server.start() for server in servers]), flush=True)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            now += QUARTER
            print(cpu(), flush=True)


def serial_of(code: str, number: int) -> str:
    return f"{code}-{number:06}"


def plan_of(code: str, number: int) -> MeterPlan:
    serial = serial_of(code, number)
    return MeterPlan(
        logical_device=FIRST_DEVICE + number,
        serial=serial,
        kind=Kind.ELECTRICITY,
        seed=seed_of(serial),
    )


if __name__ == "__main__":
    main()
