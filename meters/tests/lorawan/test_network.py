"""The simulated network: what its devices send is what their meters' registers showed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from meters.dlms.simulator.fleet import Fleet
from meters.dlms.simulator.plans import Kind, MeterPlan, seed_of
from meters.lorawan import catalogue, chirpstack
from meters.lorawan.downlinks import Network as Orders
from meters.lorawan.simulator.chirpstack import KEY, Chirpstack, running
from meters.lorawan.simulator.counters import QUARTER, Counter
from meters.lorawan.simulator.network import Network, webhook
from meters.tests.simulated import plan

EPOCH = datetime(2026, 7, 1, tzinfo=UTC)
WATER, RELAY = "24e1240000000001", "24e1240000000002"


def meter(device: int, kind: Kind, eui: str) -> MeterPlan:
    return MeterPlan(
        logical_device=device, serial=f"S{device}", kind=kind, seed=seed_of(f"S{device}"),
        opening_register=1000, dev_eui=eui,
    )  # fmt: skip


class World:
    """A fleet at a time that is set, and what is delivered of it."""

    def __init__(self, folder, server: Chirpstack) -> None:
        self.now = EPOCH + timedelta(hours=10, minutes=7)
        meters = [
            meter(101, Kind.WATER, WATER), meter(102, Kind.ELECTRICITY, RELAY),
            meter(103, Kind.ELECTRICITY, ""),
        ]  # fmt: skip
        self.fleet = Fleet.open(
            plan(meters, EPOCH), folder / "fleet.journal", behind=timedelta(0),
            time_source=lambda: self.now,
        )  # fmt: skip
        self.told: list[tuple[str, chirpstack.Uplink | chirpstack.Notice]] = []
        self.takes = True
        server.clock = self.clock
        self.network = Network(self.fleet, server, self.deliver)

    def clock(self) -> float:
        return self.now.timestamp()

    def deliver(self, kind, event):
        if self.takes:
            if kind == "up":
                self.told.append((kind, chirpstack.uplink(event)))
            else:
                self.told.append((kind, chirpstack.notice(chirpstack.Kind(kind), event)))
        return self.takes

    def counts(self, eui: str) -> dict[datetime, int]:
        model = catalogue.MODELS["em300_di" if eui == WATER else "uc300"]
        return {
            one.at: count.value
            for kind, one in self.told
            if kind == "up" and one.device.eui == eui
            for count in model.observe(one.payload, one.port).counts
        }


@pytest.fixture
def server() -> Iterator[Chirpstack]:
    with running() as made:
        yield made


@pytest.fixture
def world(tmp_path, server) -> Iterator[World]:
    made = World(tmp_path, server)
    yield made
    made.fleet.close()


class TestReports:
    def test_tell_the_registers_at_the_quarters(self, world):
        world.network.report()
        world.now += timedelta(minutes=31)
        world.network.report()

        quarters = [EPOCH + timedelta(hours=9, minutes=30) + n * QUARTER for n in range(5)]
        for device, eui in ((101, WATER), (102, RELAY)):
            expected = {at: world.fleet[device].import_register(at) - 1000 for at in quarters}
            assert world.counts(eui) == expected
        assert world.counts(RELAY)[quarters[-1]] > 0
        numbers = [one.counter for kind, one in world.told if one.device.eui == WATER]
        assert numbers == sorted(set(numbers))

    def test_that_nobody_took_are_told_again(self, world):
        world.takes = False
        world.network.report()
        world.takes = True
        world.network.report()
        world.network.report()

        assert len(world.counts(WATER)) == 3
        assert len(world.told) == 6

    def test_leave_out_what_stands_behind_the_concentrator(self, world):
        world.network.report()
        assert {one.device.eui for _, one in world.told} == {WATER, RELAY}
        assert [one.logical_device for one in world.fleet.wired] == [103]

    def test_of_the_past_hold_every_quarter(self, world):
        quarters = list(range(1000, 1040))
        counter = Counter(world.fleet[101].plan, EPOCH)

        told = {}
        for event in counter.past(EPOCH, quarters):
            heard = chirpstack.uplink(event)
            observed = catalogue.MODELS["em300_di"].observe(heard.payload, heard.port)
            for count in observed.counts:
                at = heard.at if count.at is None else datetime.fromtimestamp(count.at, UTC)
                told[at] = count.value

        assert told == {EPOCH + n * QUARTER: n for n in range(40)}


class TestOrders:
    def test_switch_the_relay_which_says_so(self, world, server):
        world.network.report()
        before = len(world.told)
        model = catalogue.MODELS["uc300"]
        orders = Orders(server.address, KEY)
        item = orders.enqueue(
            RELAY, port=model.port, data=model.order(close=False), confirmed=True,
            expires_at=world.now + timedelta(minutes=5),
        )  # fmt: skip

        world.network.hand_over()

        assert not world.fleet[102].connected
        (_, sent), (_, heard), (_, says) = world.told[before:]
        assert [kind for kind, _ in world.told[before:]] == ["txack", "ack", "up"]
        assert (sent.queue_item, heard.queue_item, heard.is_acknowledged) == (item, item, True)
        assert model.observe(says.payload, says.port).is_closed is False
        assert orders.queue(RELAY) == []

    def test_whose_time_is_over_are_dropped(self, world, server):
        model = catalogue.MODELS["uc300"]
        orders = Orders(server.address, KEY)
        orders.enqueue(
            RELAY, port=model.port, data=model.order(close=False), confirmed=True,
            expires_at=world.now - timedelta(seconds=1),
        )  # fmt: skip

        world.network.hand_over()

        assert world.fleet[102].connected
        assert orders.queue(RELAY) == []


def test_a_webhook_that_nobody_serves_takes_nothing(server):
    assert not webhook("http://127.0.0.1:9/events", "secret")("up", {})
