"""
A LoRaWAN network over a simulated fleet: devices that report, and a ChirpStack between.

What devices report by themselves is handed over until it is taken, as a gateway keeps what it
cannot deliver. Orders in the queues of relays leave at once (class C).
"""

import http.client
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from meters.dlms.simulator.fleet import Fleet, SimulatedMeter
from meters.lorawan import uc300
from meters.lorawan.simulator import events
from meters.lorawan.simulator.chirpstack import Chirpstack, Item
from meters.lorawan.simulator.counters import QUARTER, Counter
from meters.lorawan.simulator.events import Event
from quantify.periods import floor_to_interval

PATIENCE = 5.0
TAKEN = 200
SECOND = timedelta(seconds=1)

type Deliver = Callable[[str, Event], bool]
"""Post an event of a kind; whether it was taken."""

log = logging.getLogger(__name__)


def webhook(address: str, secret: str) -> Deliver:
    """Deliver to our own address for events, as ChirpStack's HTTP integration does."""
    place = urlsplit(address)

    def deliver(kind: str, event: Event) -> bool:
        line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/json", "X-Quantify-Secret": secret}
        try:
            line.request("POST", f"{place.path}?event={kind}", json.dumps(event), headers)
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()
        if answer.status != TAKEN:
            log.warning("The event %s was answered %s.", kind, answer.status)
        return answer.status == TAKEN

    return deliver


class Network:
    """
    The devices of a fleet. Both `report` and `hand_over` are called again and again, each by a
    thread of its own: an order does not wait for what is reported.
    """

    def __init__(self, fleet: Fleet, chirpstack: Chirpstack, deliver: Deliver) -> None:
        self._fleet, self._chirpstack, self._deliver = fleet, chirpstack, deliver
        epoch = fleet.plan.epoch
        self._counters = {meter: Counter(meter.plan, epoch) for meter in fleet.on_radio}
        # What was just sent when the process before ended may be sent again: it is a duplicate.
        self._from = max(epoch, floor_to_interval(fleet.clock.now()) - 2 * QUARTER)
        self._due: dict[SimulatedMeter, datetime] = {}

    def report(self) -> None:
        """Let each device send what is due, one quarter of an hour each in turn."""
        while waiting := self._waiting():
            taken = [self._send(meter, due) for due, meter in waiting]
            if not all(taken):
                return

    def hand_over(self) -> None:
        """Let the next order of each queue go over the air; the relay obeys and says so."""
        for meter, counter in self._counters.items():
            if counter.has_relay and (item := self._chirpstack.transmit(meter.plan.dev_eui)):
                self._obey(meter, counter, item)

    def _waiting(self) -> list[tuple[datetime, SimulatedMeter]]:
        """The devices with a report to send, and its quarter of an hour."""
        now = self._fleet.clock.now()
        due = [(self._due.get(meter, self._from), meter) for meter in self._counters]
        return [one for one in due if one[0] <= now]

    def _send(self, meter: SimulatedMeter, due: datetime) -> bool:
        counter, register = self._counters[meter], meter.import_register(due)
        if not self._deliver("up", counter.report(due, register, is_on=meter.connected)):
            return False
        self._due[meter] = due + QUARTER
        return True

    def _obey(self, meter: SimulatedMeter, counter: Counter, item: Item) -> None:
        device, at = counter.device, self._fleet.clock.now()
        self._deliver("txack", events.txack(device, at=at, queue_item=item.id))
        _switch(meter, item)
        at = max(self._fleet.clock.now(), at + SECOND)
        self._chirpstack.conclude(device.eui, item)
        answer = events.ack(device, at=at, queue_item=item.id, acknowledged=True)
        self._deliver("ack", answer)
        self._deliver("up", counter.tells_relay(at + SECOND, is_on=meter.connected))


def _switch(meter: SimulatedMeter, item: Item) -> None:
    if item.port != uc300.PORT:
        return
    if item.data == uc300.switch(close=True):
        meter.reconnect()
    elif item.data == uc300.switch(close=False):
        meter.disconnect()
