import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from meters.dlms.simulator.plans import Kind, MeterPlan, seed_of
from meters.tests.factories import ConcentratorFactory
from meters.tests.simulated import plan

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30


def fleet_file(directory, name="fleet"):
    meters = [
        MeterPlan(
            logical_device=device, serial=f"S{device}", kind=Kind.ELECTRICITY, seed=seed_of("S")
        )
        for device in (101, 102)
    ]
    path = directory / f"{name}.json"
    plan(meters, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(2)).dump(
        path
    )
    return path


def started(*arguments):
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "manage.py", "simulate_concentrator", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "quantify.settings.test"},
    )


class TestServe:
    def test_serves_fleets_until_it_is_told_to_stop(self, tmp_path):
        paths = [fleet_file(tmp_path, name) for name in ("one", "two")]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        process = started(*paths, f"--port={port}")
        try:
            told = sorted(process.stdout.readline() for _ in paths)
            for number in range(2):
                socket.create_connection(("127.0.0.1", port + number), timeout=5).close()
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
            process.stdout.close()

        assert told == [f"WC001: 2 meters at 127.0.0.1:{port + number}\n" for number in range(2)]
        assert code == 0

    @pytest.mark.django_db
    def test_the_port_is_the_concentrators(self, tmp_path, monkeypatch):
        ConcentratorFactory.create(serial="WC001", port=4321)
        served = []

        async def serve(fleet, host, port, **options):
            served.append((len(fleet), host, port))

        monkeypatch.setattr("meters.management.commands.simulate_concentrator.serve", serve)
        call_command("simulate_concentrator", fleet_file(tmp_path))

        assert served == [(2, "127.0.0.1", 4321)]

    @pytest.mark.django_db
    def test_without_concentrator_a_port_must_be_given(self, tmp_path):
        with pytest.raises(CommandError, match="give --port"):
            call_command("simulate_concentrator", fleet_file(tmp_path))

    def test_a_fleet_must_be_named(self):
        with pytest.raises(CommandError, match="Name a fleet"):
            call_command("simulate_concentrator")

    def test_a_file_that_is_no_plan_is_told(self, tmp_path):
        path = tmp_path / "fleet.json"
        path.write_text("{}")

        with pytest.raises(CommandError, match=r"fleet\.json"):
            call_command("simulate_concentrator", path, "--port=4400")
