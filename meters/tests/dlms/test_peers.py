"""The simulator as clients see it that this project did not write: proof of the standard."""

import asyncio
import importlib.util
import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from meters.dlms import obis
from meters.dlms.ciphering import Keys
from meters.dlms.credentials import Mechanism
from meters.dlms.simulator.access import Access
from meters.tests.dlms.running import run, simulated
from meters.tests.dlms.standin import (
    NOON,
    QUARTER,
    StandIn,
    export_at,
    import_at,
    status_at,
    water,
)

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[3]
FIRST = NOON.replace(minute=15) - timedelta(hours=24)
MARKS = [FIRST + number * QUARTER for number in range(96)]
DISCONNECT_AND_RECONNECT = {
    "before": [True, 1, 4],
    "disconnected": [False, 0, 4],
    "reconnected": [True, 1, 4],
}

pytestmark = pytest.mark.peer


def ask(peer, *meters, **changes):
    """What a peer, in a process of its own, says of the first of the meters."""
    module = {"gurux_peer": "gurux_dlms", "dlms_cosem_peer": "dlms_cosem"}[peer]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    order = {
        "device": meters[0].logical_device,
        "max_pdu": 0xFFFF,
        "registers": [obis.ENERGY_IMPORT, obis.ENERGY_EXPORT],
        "profile": obis.LOAD_PROFILE,
        "start": (NOON - timedelta(hours=24)).isoformat(),
        "end": NOON.isoformat(),
        "relay": True,
        "lists": True,
        "gateway": None,
        **changes,
    }

    async def main():
        async with simulated(*meters) as (_, port):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PEERS / f"{peer}.py"),
                json.dumps(order | {"port": port}),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )
            try:
                output, complaint = await asyncio.wait_for(process.communicate(), 25)
            finally:
                if process.returncode is None:
                    process.kill()
            assert process.returncode == 0, complaint.decode()
            # Gurux talks on its standard output before it.
            return json.loads(output.splitlines()[-1])

    return run(main())


def rows(device):
    return [
        [at.isoformat(), status_at(at), import_at(device, at), export_at(device, at)]
        for at in MARKS
    ]


@pytest.mark.parametrize(
    ("max_pdu", "answers"),
    [
        pytest.param(0xFFFF, 1, id="in one piece"),
        pytest.param(1024, 3, id="in blocks of 1024"),
        pytest.param(256, 12, id="in blocks of 256"),
    ],
)
@pytest.mark.parametrize("peer", ["gurux_peer", "dlms_cosem_peer"])
class TestElectricity:
    def test_is_read_and_switched(self, peer, max_pdu, answers):
        standin = StandIn(101)

        told = ask(peer, standin, StandIn(102), max_pdu=max_pdu)

        assert told["clock"] == NOON.isoformat()
        assert told["name"] == "LGZ46000101"
        # The one gives the scaler, the other the factor: 0 and 10 ** 0.
        assert told["registers"] == {
            obis.ENERGY_IMPORT: [106_227_500, 0 if peer == "dlms_cosem_peer" else 1, 30],
            obis.ENERGY_EXPORT: [522_851, 0 if peer == "dlms_cosem_peer" else 1, 30],
        }
        assert told["profile"]["period"] == 900
        assert told["profile"]["columns"] == [
            obis.CLOCK,
            obis.AMR_STATUS,
            obis.ENERGY_IMPORT,
            obis.ENERGY_EXPORT,
        ]
        assert len(told["profile"]["rows"]) == 96
        assert told["profile"]["rows"] == rows(101)
        assert told["profile"]["blocks"] == answers
        assert told["list"][:2] == [106_227_500, 522_851]
        assert told.items() >= DISCONNECT_AND_RECONNECT.items()
        assert told["released"] is True
        assert standin.commands == ["disconnect", "reconnect"]


@pytest.mark.parametrize("peer", ["gurux_peer", "dlms_cosem_peer"])
class TestOthers:
    def test_water_is_read_in_thousandths_of_cubic_metres(self, peer):
        told = ask(
            peer,
            water(201),
            registers=[obis.VOLUME],
            profile=obis.VOLUME_PROFILE,
            relay=False,
        )

        [[value, scaler, unit]] = told["registers"].values()
        assert (value, unit) == (206_227_500, 13)
        assert scaler == (-3 if peer == "dlms_cosem_peer" else 0.001)
        assert told["profile"]["rows"] == [
            [at.isoformat(), status_at(at), import_at(201, at)] for at in MARKS
        ]

    def test_a_relay_may_wait_for_the_button(self, peer):
        told = ask(peer, StandIn(101, control_mode=3))

        assert told["disconnected"] == [False, 0, 3]
        assert told["reconnected"] == [False, 2, 3]


class TestDlmsCosem:
    def test_learns_that_an_object_is_missing(self):
        assert "OBJECT_UNDEFINED" in ask("dlms_cosem_peer", StandIn())["missing"]


class TestGuruxWithSecurity:
    KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))

    def asked(self, standin, **changes):
        secrets = {
            "security": "gmac",
            "title": b"GRX00001".hex(),
            "encryption_key": self.KEYS.encryption.hex(),
            "authentication_key": self.KEYS.authentication.hex(),
            "counter": 1,
        }
        return ask("gurux_peer", standin, **(secrets | changes))

    @pytest.mark.parametrize("max_pdu", [0xFFFF, 512])
    def test_reads_and_switches_with_keys(self, max_pdu):
        standin = StandIn(101, access=Access(Mechanism.HIGH_GMAC, keys=self.KEYS))

        told = self.asked(standin, max_pdu=max_pdu)

        assert told["clock"] == NOON.isoformat()
        assert told["profile"]["rows"] == rows(101)
        assert told["list"][:2] == [106_227_500, 522_851]
        assert told.items() >= DISCONNECT_AND_RECONNECT.items()
        assert standin.commands == ["disconnect", "reconnect"]
        assert standin.access.refusals == 0
        assert standin.access.heard.value > 15

    def test_is_refused_with_other_keys(self):
        standin = StandIn(101, access=Access(Mechanism.HIGH_GMAC, keys=self.KEYS))

        with pytest.raises(AssertionError):
            self.asked(standin, encryption_key="00" * 16)
        assert standin.access.refusals == 1

    def test_reads_with_a_password(self):
        standin = StandIn(101, access=Access(Mechanism.LOW, password=b"12345678"))

        told = ask("gurux_peer", standin, security="low", password="12345678")

        assert told["profile"]["rows"] == rows(101)


class TestGurux:
    def test_reads_the_first_rows_by_number(self):
        first = ask("gurux_peer", StandIn())["profile"]["first_entries"]

        assert [row[0] for row in first] == [
            f"2026-01-01T00:{minute:02}:00+00:00" for minute in (0, 15, 30)
        ]

    def test_reads_a_list_in_blocks(self):
        told = ask("gurux_peer", StandIn(), max_pdu=32)

        assert told["list"] == [106_227_500, 522_851] * 3

    def test_reaches_a_meter_behind_a_gateway(self):
        told = ask("gurux_peer", StandIn(101), StandIn(102), device=1, gateway=102, max_pdu=256)

        assert told["name"] == "LGZ46000102"
        assert told["profile"]["rows"] == rows(102)
