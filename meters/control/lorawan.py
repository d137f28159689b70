"""
Orders over LoRaWAN: through a device's queue at ChirpStack, from which they leave in time.

An order is put into an empty queue, so that it goes before all else and the last one wins. While
it waits there it is looked after: a cut that is called for no longer is taken back.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

from meters.control import downlinks
from meters.control.alone import Busy, alone_at
from meters.control.exchange import RETRY_AFTER, Exchange, LastWord, Order
from meters.lorawan.catalogue import Model
from meters.lorawan.downlinks import Network, NoAnswer, NotReached, QueueItem, Refused
from meters.models.control import Command
from meters.models.devices import Meter
from meters.models.downlinks import Downlink, DownlinkEvent
from meters.models.radio import LoraDevice
from meters.radio import servers
from quantify import sealing
from quantify.crash_points import Point, reach
from quantify.quantities import Utility

Action = Command.Action

IN_QUEUE = "It waits in the device's queue at the network server."
PENDING = "It was sent over the air; the device has not acknowledged it yet."
WAITS = "It left the queue; what the device says of its relay will tell."
ASKED = "The device cannot be asked; what it sends next will tell."
NEVER_CLOSED = "Water is never closed."
OVERTAKEN = "Something else was heard or asked of it meanwhile."
NEVER_IN = "It was not put into the queue."
NO_EFFECT = "The relay does not stand as ordered."
NOT_HEARD = "It left the queue, and the device did not acknowledge it."
GIVEN_UP = "It was given so often, and the relay does not stand as ordered."
OVER = "It waited in the queue until its time was over."
LOOK_AFTER = {
    Action.DISCONNECT: timedelta(seconds=30),
    Action.RECONNECT: timedelta(minutes=2),
    Action.READ: timedelta(minutes=2),
}
"""A cut that waits is looked after more often: the guards must still hold."""
AGAIN_AFTER = timedelta(seconds=30)
"""When the queue could not be looked at."""


@dataclass(frozen=True, slots=True)
class LoraChannel:
    """The way to the relay of a device; water is not cut by it."""

    device: LoraDevice
    model: Model
    may_cut: bool
    overtakes: ClassVar[bool] = True

    @classmethod
    def to(cls, meter: Meter) -> Self | None:
        """The way to a meter; None if no device with a relay is its voice."""
        devices = LoraDevice.objects.select_related("server").filter(meter=meter)
        device = devices.filter(server__deleted_at=None).first()
        model = device.decoder if device else None
        if device is None or model is None or model.switch is None:
            return None
        return cls(device, model, may_cut=meter.utility is not Utility.WATER)

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        """Put the order into the queue, or look what became of it; one at a time a device."""
        exchange = Exchange()
        if order.action == Action.DISCONNECT and not self.may_cut:
            exchange.refused = NEVER_CLOSED
        elif order.action == Action.READ:
            exchange.waits, exchange.look_after = ASKED, LOOK_AFTER[Action.READ]
        else:
            self._speak_alone(order, may_leave, exchange)
        return exchange

    def _speak_alone(self, order: Order, may_leave: LastWord, exchange: Exchange) -> None:
        try:
            with alone_at(self.device.pk):
                # While another order was being sent this one may have been overtaken.
                if not order.stands:
                    exchange.error = OVERTAKEN
                    return
                self.device.refresh_from_db()
                network = servers.network(self.device.server)
                speak = self._give if order.act else self._look
                speak(network, order, may_leave, exchange)
        except (Busy, NotReached, Refused, NoAnswer, servers.NoAccess, sealing.NoSecret) as error:
            exchange.error = str(error)
            if not order.act or isinstance(error, Busy):
                exchange.look_after = AGAIN_AFTER

    def _give(
        self, network: Network, order: Order, may_leave: LastWord, exchange: Exchange
    ) -> None:
        """Put the order into the queue, unless it lies there since an attempt before."""
        before = downlinks.standing(order.command) if order.read_first else None
        if before and (item := self._find(network, before)):
            self._is_waiting(order, before, item, exchange)
            return
        tries = order.command.downlinks.count()
        if tries > len(RETRY_AFTER):
            exchange.error = GIVEN_UP
            return
        exchange.look_after = RETRY_AFTER[tries] if tries < len(RETRY_AFTER) else None
        payload = self.model.order(close=order.action == Action.RECONNECT)
        downlink = downlinks.write(
            order.command, self.device, port=self.model.port, payload=payload
        )
        try:
            self._put_in(network, downlink, order, may_leave, exchange)
        finally:
            if not exchange.left:
                downlinks.withdraw(downlink, now=order.at)

    def _put_in(
        self,
        network: Network,
        downlink: Downlink,
        order: Order,
        may_leave: LastWord,
        exchange: Exchange,
    ) -> None:
        """Empty the queue, ask for the last word, put the order in."""
        network.flush(self.device.dev_eui)
        downlinks.take_out(self.device, but=downlink, now=order.at)
        if refusal := may_leave():
            exchange.refused = refusal
            return
        exchange.left = True
        try:
            item = network.enqueue(
                self.device.dev_eui,
                port=downlink.port,
                data=bytes(downlink.payload),
                confirmed=True,
                expires_at=downlink.expires_at,
            )
        except (NotReached, Refused):
            exchange.left = False
            raise
        reach(Point.ORDER_QUEUED)
        downlinks.identify(downlink, item)
        exchange.waits = downlinks.words(downlink) or IN_QUEUE
        exchange.look_after = LOOK_AFTER[order.action]

    def _look(
        self, network: Network, order: Order, may_leave: LastWord, exchange: Exchange
    ) -> None:
        """See what became of an order that may lie in the queue, may have left it, or neither."""
        downlink = downlinks.standing(order.command)
        if downlink is None:
            exchange.lost, exchange.error = True, NEVER_IN
            exchange.look_after = RETRY_AFTER[0]
            return
        if item := self._find(network, downlink):
            self._look_after(network, order, downlink, item, may_leave, exchange)
            return
        if not downlink.queue_item:
            downlinks.claim_event(downlink)
        downlinks.mark_gone(downlink, self.device, now=order.at)
        downlinks.settle(self.device, now=order.at)
        self._judge(order, downlink, exchange)

    def _look_after(
        self,
        network: Network,
        order: Order,
        downlink: Downlink,
        item: QueueItem,
        may_leave: LastWord,
        exchange: Exchange,
    ) -> None:
        """Leave the order in the queue, or take it back if its time is over or a guard fails."""
        is_over = order.at >= order.command.expires_at
        refusal = None
        if order.action == Action.DISCONNECT and not item.is_pending and not is_over:
            refusal = may_leave()
        if is_over or refusal:
            network.flush(self.device.dev_eui)
            downlinks.take_out(self.device, now=order.at)
            exchange.refused, exchange.error = refusal or "", OVER
            return
        self._is_waiting(order, downlink, item, exchange)

    def _is_waiting(
        self, order: Order, downlink: Downlink, item: QueueItem, exchange: Exchange
    ) -> None:
        exchange.left = True
        exchange.waits = PENDING if item.is_pending else downlinks.words(downlink) or IN_QUEUE
        exchange.look_after = LOOK_AFTER[order.action]

    def _judge(self, order: Order, downlink: Downlink, exchange: Exchange) -> None:
        """
        Whether an order that is in the queue no more is given again, or its effect waited for.

        A cut is repeated only after the device said that its contact is closed still; to close
        one that is closed harms nobody.
        """
        told = downlinks.news(downlink)
        says = downlinks.told_since(downlink, told, self.device)
        is_heard = DownlinkEvent.Kind.ACKNOWLEDGED in told
        exchange.look_after = LOOK_AFTER[order.action]
        if says is not None or (order.action == Action.RECONNECT and not is_heard):
            exchange.lost = True
            exchange.error = NO_EFFECT if says is not None else NOT_HEARD
            tries = order.command.downlinks.count()
            exchange.look_after = RETRY_AFTER[min(tries, len(RETRY_AFTER)) - 1]
            return
        exchange.waits = downlinks.words(downlink) or WAITS

    def _find(self, network: Network, downlink: Downlink) -> QueueItem | None:
        """Its item in the queue; one whose number was lost is told by what it says."""
        for item in network.queue(self.device.dev_eui):
            same = (item.port, item.data) == (downlink.port, bytes(downlink.payload))
            if item.id == downlink.queue_item or (not downlink.queue_item and same):
                downlinks.identify(downlink, item.id)
                return item
        return None
