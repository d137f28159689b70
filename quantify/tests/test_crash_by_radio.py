"""Processes that are killed while an order goes to a LoRaWAN device, and what the device does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import connection

from meters.lorawan.simulator.chirpstack import running
from meters.models import Command, Downlink
from meters.tests.lorawan.relayed import Relay, steps
from quantify.crash_points import Point
from quantify.tests.mortals import Mortals, mortals

KILLED = -9
NOT_QUEUED = (Point.COMMAND_CLAIMED, Point.COMMAND_LEAVING)
QUEUED = (Point.ORDER_QUEUED, Point.COMMAND_ANSWERED, Point.COMMAND_CONCLUDED)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def processes(django_db_setup: None) -> Iterator[Mortals]:
    with mortals(connection.settings_dict["NAME"]) as started:
        yield started


@pytest.fixture
def relay() -> Iterator[Relay]:
    cache.clear()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with running() as chirpstack:
        yield Relay(chirpstack, hour - timedelta(hours=1))


class TestOrder:
    @pytest.mark.parametrize("action", ["disconnect", "reconnect"])
    @pytest.mark.parametrize("point", [*NOT_QUEUED, *QUEUED])
    def test_is_obeyed_once(
        self, point: Point, action: str, relay: Relay, processes: Mortals
    ) -> None:
        relay.is_closed = action == "disconnect"
        command = relay.ask(action)

        killed = processes.run("send_over_the_line", command.pk, relay.now.isoformat(), at=point)

        assert killed == KILLED
        assert len(relay.queue) == (point in QUEUED)
        # What may have left is not given again before the device has said how its relay stands.
        for _ in range(3):
            self._is_looked_after(command, relay, processes)
            if relay.queue:
                break
            relay.says()
        assert len(relay.queue) == 1, steps(command)
        item = relay.transmit()
        relay.passes(1)
        relay.acknowledges(item)
        relay.passes(60)
        relay.says()
        self._is_looked_after(command, relay, processes)
        command.refresh_from_db()
        assert command.state == "verified"
        assert relay.is_closed == (action == "reconnect")
        # What was written down and never handed over has no place in the queue.
        assert relay.queue == []
        assert Downlink.objects.exclude(queue_item="").count() == 1

    @pytest.mark.parametrize("point", QUEUED)
    def test_is_obeyed_once_when_it_left_meanwhile(
        self, point: Point, relay: Relay, processes: Mortals
    ):
        command = relay.ask("disconnect")
        killed = processes.run("send_over_the_line", command.pk, relay.now.isoformat(), at=point)
        assert killed == KILLED
        relay.passes(5)
        relay.acknowledges(relay.transmit())
        relay.passes(60)
        relay.says()

        self._is_looked_after(command, relay, processes)

        command.refresh_from_db()
        assert command.state == "verified"
        assert relay.queue == []
        assert Downlink.objects.count() == 1

    def _is_looked_after(self, command: Command, relay: Relay, processes: Mortals) -> None:
        for _ in range(2):
            relay.passes(150)
            orders = [command.pk, relay.now.isoformat()]
            assert processes.run("send_over_the_line", *orders) == 0
