import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from django.core.management import CommandError, call_command

from meters.dlms.simulator.plans import Kind, MeterPlan, seed_of
from meters.lorawan.downlinks import Network
from meters.tests.factories import ConcentratorFactory
from meters.tests.simulated import plan

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30


def fleet_file(directory, name="fleet", *, eui=""):
    meters = [
        MeterPlan(
            logical_device=device, serial=f"S{device}", kind=Kind.ELECTRICITY, seed=seed_of("S"),
            dev_eui=eui if device == 102 else "",
        )
        for device in (101, 102)
    ]  # fmt: skip
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

    def test_runs_the_network_of_devices_on_the_radio(self, tmp_path):
        """Its devices post to the webhook with the secret; its queue takes orders."""
        path, posted = fleet_file(tmp_path, eui="24e1240000000002"), SimpleQueue()

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posted.put((self.path, self.headers["X-Quantify-Secret"], json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                """Quiet."""

        told = {"secret": "a-secret", "api_key": "a-key", "port": 0}
        path.with_suffix(".radio").write_text(json.dumps(told))
        web = HTTPServer(("127.0.0.1", 0), Webhook)
        Thread(target=web.serve_forever, daemon=True).start()
        process = started(path, "--port=0", f"--webhook=http://127.0.0.1:{web.server_port}/events")
        try:
            said = sorted(process.stdout.readline() for _ in range(2))
            where, secret, event = posted.get(timeout=PATIENCE)
            network = Network(said[1].split("queue at ")[1].strip(), "a-key")
            waiting = network.queue("24e1240000000002")
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
            process.stdout.close()
            web.shutdown()
            web.server_close()

        assert said[0].startswith("WC001: 1 meters at 127.0.0.1:")
        assert (where, secret) == ("/events?event=up", "a-secret")
        assert event["deviceInfo"]["devEui"] == "24e1240000000002"
        assert (waiting, code) == ([], 0)

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
