"""A LoRaWAN relay for tests: its device, its ChirpStack, and what both post to the webhook."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from meters.control import requests, sending
from meters.control.sending import Permit, Verdict
from meters.lorawan import uc300
from meters.lorawan.simulator import events
from meters.lorawan.simulator.chirpstack import KEY, Chirpstack, Item
from meters.lorawan.simulator.events import Device
from meters.lorawan.uc300 import Output, Pulses
from meters.models import Command, LoraDevice, Meter
from meters.radio import devices, servers
from meters.tests.factories import LoraDeviceFactory, MeterFactory
from meters.tests.lorawan.posts import post
from quantify.tests.client import Client

EUI = "24e124445d188222"
SOON = timedelta(seconds=1)


def allowed(*_: object) -> Verdict:
    return Verdict()


class Relay:
    """
    A UC300 with the contactor of a meter; `is_closed` is how it really stands.

    The network's clock runs two days behind ours: they are never compared.
    """

    def __init__(self, chirpstack: Chirpstack, now: datetime, meter: Meter | None = None) -> None:
        self.chirpstack, self.now = chirpstack, now
        chirpstack.clock = self.clock
        self.meter = meter or MeterFactory.create(with_register=True)
        server, self.secret = servers.register(estate=self.meter.estate, name="ChirpStack")
        servers.give_access(server=server, address=chirpstack.address, api_key=KEY)
        self.server, self.device = server, Device(EUI, "A-101 relay", "Milesight UC300")
        known = LoraDeviceFactory.create(server=server, dev_eui=EUI)
        devices.register(device_id=known.pk, meter=self.meter, model="uc300")
        self.is_closed, self.obeys, self.counter = True, True, 0
        self.says()

    @property
    def row(self) -> LoraDevice:
        return LoraDevice.objects.get(dev_eui=EUI)

    def clock(self) -> float:
        return self.now.timestamp()

    @property
    def theirs(self) -> datetime:
        return self.now - timedelta(days=2)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # --- What is asked of it ---------------------------------------------------------------------

    def ask(self, action: str, **more: Any) -> Command:
        asked = {
            "meter_id": self.meter.pk, "reason": "Credit is used up.",
            "cause": Command.Cause.CREDIT, "trace": [], "requested_by": None, "now": self.now,
        }  # fmt: skip
        return requests.ask(action=action, **(asked | more))

    def send(self, command: Command, permit: Permit = allowed) -> Command:
        return sending.send(command.pk, permit=permit, now=self.now)

    def order(self, action: str) -> Command:
        return self.send(self.ask(action))

    @property
    def queue(self) -> list[str]:
        """The orders that wait at the network server."""
        return [item.data.hex() for item in self.chirpstack.queues.get(EUI, [])]

    # --- What the network does -------------------------------------------------------------------

    def transmit(self, *, is_told: bool = True) -> Item:
        """The next order goes over the air, and the device does as it says."""
        item = self.chirpstack.transmit(EUI)
        assert item is not None
        if self.obeys:
            self.is_closed = item.data == uc300.switch(close=True)
        if is_told:
            self.tells_sent(item)
        return item

    def tells_sent(self, item: Item) -> None:
        self.post("txack", events.txack(self.device, at=self.theirs, queue_item=item.id))

    def acknowledges(self, item: Item, *, acknowledged: bool = True) -> None:
        self.chirpstack.conclude(EUI, item)
        self.tells_acknowledged(item, acknowledged=acknowledged)

    def tells_acknowledged(self, item: Item, *, acknowledged: bool = True) -> None:
        told = events.ack(
            self.device, at=self.theirs, queue_item=item.id, acknowledged=acknowledged
        )
        self.post("ack", told)

    def says(self, *, is_closed: bool | None = None, at: datetime | None = None) -> None:
        """The device sends how its contact stands, and what it counted."""
        closed = self.is_closed if is_closed is None else is_closed
        self.counter += 1
        payload = uc300.encode([Pulses(self.counter), Output(int(closed))])
        told = events.up(
            self.device, at=at or self.theirs, counter=self.counter, port=uc300.PORT,
            payload=payload,
        )  # fmt: skip
        self.post("up", told)

    def post(self, kind: str, event: events.Event) -> None:
        with patch("meters.api.chirpstack.timezone", SimpleNamespace(now=lambda: self.now)):
            answer = post(Client(), self.secret, dict(event), event=kind)
        assert answer.status_code == 200, answer.json()


def steps(command: Command) -> list[tuple[str, str]]:
    """The life of a command: its states, each with its outcome."""
    return list(command.steps.order_by("pk").values_list("state", "outcome"))
