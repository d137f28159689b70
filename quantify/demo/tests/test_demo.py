"""
The whole product on a small demonstration: from a meter on the wire to a rand in the wallet.

The simulated concentrators listen on real sockets and are read over DLMS; the judge is
`quantify.demo.audit`, which knows the simulator's registers and nothing of the flow.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from estates.models import Estate, EstateSettings
from meters.collecting import collection
from meters.collecting.outcomes import Summary
from meters.dlms.simulator.fleet import Fleet, FleetPlan
from meters.dlms.simulator.server import serve
from meters.models import (
    Command,
    Concentrator,
    Interval,
    LoraDevice,
    Meter,
    NetworkServer,
    Uplink,
)
from meters.radio import servers
from notifications import outbox
from quantify.demo import audit, seeding
from quantify.demo.people import PASSWORD, RESIDENT
from quantify.demo.stories import Story
from quantify.tests.client import Client
from rates.models import ReferenceTable
from reports import resale
from wallets import topups
from wallets.billing import runs
from wallets.credit import control
from wallets.models import Transaction, Wallet

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)
SMALL = Story(
    code="TINY1",
    name="Tiny Mews",
    address="1 Short Lane",
    city="Pretoria",
    postal_code="0001",
    buildings="A",
    floors=2,
    units_a_floor=2,
    port_offset=0,
    has_time_of_use=True,
    low={"A-102": "4.00"},
    empty=frozenset({"A-201"}),
    leaking="A-101",
    bypassed="A-202",
    has_keys=True,
    signs_in="A-102",
)
BLOCKS = Story(
    code="TINY2",
    name="Tiny Park",
    address="2 Short Lane",
    city="Pretoria",
    postal_code="0001",
    buildings="B",
    floors=1,
    units_a_floor=3,
    port_offset=1,
    vacant=frozenset({"B-102"}),
    addressing="gateway_prefix",
    water_by_radio="B",
    switched_by_radio="B-101",
)
STORIES = (SMALL, BLOCKS)


@pytest.fixture
def simulators(settings: LazySettings, tmp_path: Path) -> Path:
    settings.SIMULATORS = tmp_path
    return tmp_path


@pytest.fixture
def demo(transactional_db: None, simulators: Path) -> None:
    seeding.seed(now=NOW, say=lambda _: None, stories=STORIES, length=timedelta(days=20))
    # In an estate of four, one unit is a quarter of it.
    EstateSettings.objects.update(breaker_percent=100)


@contextmanager
def served(story: Story, folder: Path, *, now: datetime) -> Iterator[Fleet]:
    """The estate's concentrator on a socket, at a simulated time that stands still."""
    path = folder / f"{story.code}.json"
    fleet = Fleet.open(
        FleetPlan.load(path), path.with_suffix(".journal"), behind=timedelta(0),
        time_source=lambda: now,
    )  # fmt: skip
    ports: SimpleQueue[int] = SimpleQueue()
    over = threading.Event()

    async def serve_until_over() -> None:
        server = asyncio.create_task(
            serve(fleet.wired, port=0, started=lambda _, port: ports.put(port))
        )
        await asyncio.to_thread(over.wait)
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=[serve_until_over()])
    thread.start()
    try:
        Concentrator.objects.filter(estate__code=story.code).update(port=ports.get(timeout=10))
        yield fleet
    finally:
        over.set()
        thread.join(10)
        fleet.close()


def collect_and_bill(story: Story, *, now: datetime) -> Summary:
    concentrator = Concentrator.objects.get(estate__code=story.code)
    summary = collection.collect(concentrator_id=concentrator.pk, now=now)
    runs.bill(now=now)
    return summary


def controlled(now: datetime) -> list[Command]:
    commands = control.run(now=now).requested
    return [control.send(command.pk, now=now) for command in commands]


def wallet(unit_number: str) -> Wallet:
    return Wallet.objects.get(unit__unit_number=unit_number)


class TestSeed:
    def test_agrees_with_the_registers_to_the_unit_and_the_cent(self, demo: None, simulators: Path):
        assert list(audit.findings(STORIES, simulators)) == []
        assert Interval.objects.count() == (7 * 3 + 2 * 2) * 20 * 96
        assert wallet("A-102").balance == Decimal("4.00")
        assert wallet("A-201").available == 0

    def test_again_changes_nothing(self, demo: None):
        before = list(Transaction.objects.order_by("number").values_list("pk", flat=True))

        seeding.seed(now=NOW, say=lambda _: None, stories=STORIES, length=timedelta(days=20))

        assert list(Transaction.objects.order_by("number").values_list("pk", flat=True)) == before

    def test_compares_resale_with_the_prices_of_the_licensee(self, demo: None):
        named = ReferenceTable.objects.order_by("estate__code", "utility")

        assert [(one.estate.code, one.utility, one.rate_table.name) for one in named] == [
            ("TINY1", "electricity", "Homeflex 1"),
            ("TINY1", "water",
             "Johannesburg Water: Domestic water, conventional, prices of 2023/24"),
            ("TINY2", "electricity",
             "City Power Johannesburg: Residential Single Phase 60A, prices of 2024/25"),
            ("TINY2", "water", "Johannesburg Water: Domestic water, prepaid, prices of 2023/24"),
        ]  # fmt: skip
        for estate in Estate.objects.all():
            checked = resale.check(estate=estate, month=NOW.date(), now=NOW)
            for one in checked.utilities:
                compared = bool(one.found.units) and not one.not_priced
                assert compared is (one.utility != "solar"), (estate.code, one)

    def test_counts_and_switches_by_radio_what_the_story_says(self, demo: None, simulators: Path):
        heard = dict(LoraDevice.objects.values_list("meter__kind", "model"))
        assert heard == {"water": "em300_di", "electricity": "uc300"}
        assert LoraDevice.objects.filter(model="em300_di").count() == 3
        # Of 20 days 1 921 quarters: sixteen a frame of water, one a frame of the relay.
        assert Uplink.objects.count() == 3 * 121 + 1921
        assert not Interval.objects.filter(quality="estimated").exists()
        assert (simulators / "TINY2.radio").stat().st_mode & 0o777 == 0o600

    def test_makes_new_secrets_where_the_simulator_lost_its_own(self, demo: None, simulators: Path):
        told = simulators / "TINY2.radio"
        before = json.loads(told.read_text())
        told.unlink()

        seeding.seed(now=NOW, say=lambda _: None, stories=STORIES, length=timedelta(days=20))

        after = json.loads(told.read_text())
        (server,) = NetworkServer.objects.all()
        assert servers.recognise(after["secret"], now=NOW) == server
        assert servers.network(server).api_key == after["api_key"] != before["api_key"]
        with pytest.raises(servers.WrongSecret):
            servers.recognise(before["secret"], now=timezone.now())

    def test_refuses_a_database_with_other_estates(self, transactional_db: None, simulators: Path):
        Estate.objects.create(code="REAL1", name="A real estate")

        with pytest.raises(seeding.DatabaseNotEmpty, match="REAL1"):
            seeding.seed(now=NOW, say=lambda _: None, stories=STORIES)

        assert Estate.objects.count() == 1


class TestResident:
    def test_sees_the_own_home_through_the_api(self, demo: None):
        client = Client(User.objects.get(username=RESIDENT), PASSWORD)

        assert [one["unit_number"] for one in told(client, "/units")] == ["A-102"]
        (own,) = told(client, "/wallets")
        assert own["balance"] == "4.00"
        paid = told(client, "/transactions?kind=topup")
        assert paid
        assert {one["wallet"] for one in paid} == {own["id"]}
        meters = told(client, "/meters")
        assert {one["kind"] for one in meters} == {"electricity", "water", "solar"}
        for meter in meters:
            assert len(told(client, f"/meters/{meter['id']}/readings")) == 20

    def test_sees_no_other_home(self, demo: None):
        client = Client(User.objects.get(username=RESIDENT), PASSWORD)
        other = wallet("A-101")

        assert client.get(f"/units/{other.unit_id}").status_code == 404
        assert client.get(f"/wallets/{other.pk}").status_code == 404
        assert client.post(f"/wallets/{wallet('A-102').pk}/topup", {}).status_code == 403

    def test_is_made_once(self, demo: None):
        user = User.objects.get(username=RESIDENT)
        user.set_password("their own by now")
        user.save()

        seeding.seed(now=NOW, say=lambda _: None, stories=STORIES, length=timedelta(days=20))

        assert User.objects.get(username=RESIDENT).check_password("their own by now")


def told(client: Client, path: str) -> list[Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["data"])


class TestAudit:
    """A check that cannot fail is none: each planted fault must be found."""

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            pytest.param(
                "UPDATE meters_interval SET quantity = quantity + 1 WHERE ctid = "
                "(SELECT min(ctid) FROM meters_interval) AND meter_id = "
                "(SELECT meter_id FROM meters_interval LIMIT 1)",
                "its register says",
                id="an interval that grew",
            ),
            pytest.param(
                "UPDATE wallets_bill SET charged = charged + 0.01 WHERE id = "
                "(SELECT id FROM wallets_bill LIMIT 1)",
                "expected R",
                id="a cent too much",
            ),
            pytest.param(
                # Past the triggers, which would refuse it.
                "SET LOCAL session_replication_role = replica;"
                "UPDATE wallets_wallet SET available = available + 5 WHERE id = "
                "(SELECT id FROM wallets_wallet LIMIT 1);"
                "SET LOCAL session_replication_role = DEFAULT",
                "differs from its postings",
                id="money from nowhere",
            ),
        ],
    )
    def test_finds_a_planted_fault(self, demo: None, simulators: Path, fault: str, expected: str):
        connection.cursor().execute(fault)

        assert expected in "\n".join(audit.findings(STORIES, simulators))


class TestLive:
    def test_an_empty_wallet_is_cut_and_a_top_up_restores_it(self, demo: None, simulators: Path):
        later = NOW - timedelta(hours=20)
        with served(SMALL, simulators, now=later) as fleet:
            summary = collect_and_bill(SMALL, now=later)
            assert (summary.heard, summary.failures) == (len(fleet), {})
            control.run(now=later)
            outbox.deliver_due(now=later)

            controlled(later)

            cut = Meter.objects.get(
                installations__unit__unit_number="A-201", kind=Meter.Kind.ELECTRICITY
            )
            simulated = fleet[cut.logical_device]
            assert cut.relay_state == Meter.RelayState.DISCONNECTED
            assert not simulated.connected

            topups.top_up(
                wallet_id=wallet("A-201").pk,
                amount=wallet("A-201").arrears + 100,
                payment_method="cash",
                occurred_at=later,
                actor=None,
            )
            controlled(later)

            cut.refresh_from_db()
            assert simulated.connected
            assert cut.relay_state == Meter.RelayState.CONNECTED
        assert list(audit.findings(STORIES, simulators)) == []

    def test_collecting_and_billing_twice_changes_nothing(self, demo: None, simulators: Path):
        later = NOW - timedelta(hours=18)
        with served(SMALL, simulators, now=later):
            collect_and_bill(SMALL, now=later)
            intervals, charges = Interval.objects.count(), Transaction.objects.count()

            again = collect_and_bill(SMALL, now=later)

        assert again.recorded.created == 0
        assert (Interval.objects.count(), Transaction.objects.count()) == (intervals, charges)
