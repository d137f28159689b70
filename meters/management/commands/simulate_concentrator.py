"""`manage.py simulate_concentrator`: serve simulated fleets, and their radio, until stopped."""

import asyncio
import contextlib
import json
import signal
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from meters.dlms.simulator.fleet import Fleet, FleetPlan, PlanInvalid
from meters.dlms.simulator.journal import JournalCorrupt, JournalInUse
from meters.dlms.simulator.server import serve
from meters.lorawan.simulator.chirpstack import Chirpstack, running
from meters.lorawan.simulator.network import Network, webhook
from meters.models.devices import Concentrator

STEP_SECONDS = 0.25
FLEETS = Path(settings.SIMULATORS)


class Command(BaseCommand):
    help = (
        "Serve simulated fleets, each on the port of the concentrator that has the fleet's code"
        " as its serial, or whose estate has it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("fleets", nargs="*", type=Path, metavar="FLEET.json")
        parser.add_argument("--all", action="store_true", help=f"Every fleet in {FLEETS.name}/.")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help="For the first fleet; the others follow on.")
        parser.add_argument("--behind", type=float, default=24, help="Hours a new fleet lags.")
        parser.add_argument("--speed", type=int, default=60, help="How fast it catches up.")
        parser.add_argument("--delay", type=float, default=0.0, help="Seconds per request.")
        parser.add_argument(
            "--webhook", default="http://127.0.0.1:8000/api/v1/integrations/chirpstack",
            help="Where the LoRaWAN network of a fleet posts its events.",
        )  # fmt: skip

    def handle(self, *, fleets: list[Path], port: int | None, **options: Any) -> None:
        paths = sorted(FLEETS.glob("*.json")) if options["all"] else fleets
        if not paths:
            raise CommandError("Name a fleet, or use --all where there are some.")
        opened = [(_open(path, options), path) for path in paths]
        try:
            ports = [
                _port_of(fleet.plan) if port is None else port + number
                for number, (fleet, _) in enumerate(opened)
            ]
            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._serve(opened, ports, options))
        finally:
            for fleet, _ in opened:
                fleet.close()

    async def _serve(
        self, fleets: Sequence[tuple[Fleet, Path]], ports: Sequence[int], options: dict[str, Any]
    ) -> None:
        loop, main = asyncio.get_running_loop(), asyncio.current_task()
        assert main is not None  # noqa: S101 - asyncio.run made one
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, main.cancel)
        async with asyncio.TaskGroup() as group:
            for (fleet, path), port in zip(fleets, ports, strict=True):
                group.create_task(self._serve_one(fleet, path, port, options))
                if fleet.on_radio and path.with_suffix(".radio").exists():
                    group.create_task(self._be_heard(fleet, path, options["webhook"]))

    async def _serve_one(
        self, fleet: Fleet, path: Path, port: int, options: dict[str, Any]
    ) -> None:
        await serve(
            fleet.wired,
            options["host"],
            port,
            delay=options["delay"],
            control=path.with_suffix(".control"),
            started=lambda _, bound: self._tell(f"{options['host']}:{bound}", fleet),
        )

    async def _be_heard(self, fleet: Fleet, path: Path, address: str) -> None:
        """Run the network of the fleet's LoRaWAN devices, with what the product was given."""
        told = json.loads(path.with_suffix(".radio").read_text())
        with running(Chirpstack(port=told["port"], api_key=told["api_key"])) as chirpstack:
            network = Network(fleet, chirpstack, webhook(address, told["secret"]))
            self.stdout.write(
                f"{fleet.plan.code}: {len(fleet.on_radio)} meters on the radio, queue at "
                f"{chirpstack.address}"
            )
            self.stdout.flush()
            async with asyncio.TaskGroup() as group:
                for work in (network.report, network.hand_over):
                    group.create_task(_again_and_again(work))

    def _tell(self, address: str, fleet: Fleet) -> None:
        self.stdout.write(f"{fleet.plan.code}: {len(fleet.wired)} meters at {address}")
        self.stdout.flush()


async def _again_and_again(work: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(work)
        await asyncio.sleep(STEP_SECONDS)


def _open(path: Path, options: dict[str, Any]) -> Fleet:
    """:raises CommandError: if the fleet cannot be run."""
    try:
        return Fleet.open(
            FleetPlan.load(path),
            path.with_suffix(".journal"),
            behind=timedelta(hours=options["behind"]),
            speed=options["speed"],
        )
    except (OSError, PlanInvalid, JournalInUse, JournalCorrupt) as error:
        raise CommandError(f"{path}: {error}") from error


def _port_of(plan: FleetPlan) -> int:
    """:raises CommandError: if no concentrator or more than one goes with the fleet."""
    known = Concentrator.objects.alive().filter(Q(serial=plan.code) | Q(estate__code=plan.code))
    ports = set(known.values_list("port", flat=True))
    if len(ports) != 1:
        raise CommandError(f"{plan.code}: give --port, for {len(ports)} ports go with it.")
    return ports.pop()
