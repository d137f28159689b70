"""Orders over DLMS/COSEM: the disconnect control of a meter behind its concentrator."""

from dataclasses import dataclass
from typing import ClassVar, Self
from uuid import UUID

from asgiref.sync import async_to_sync, sync_to_async

from meters import keys
from meters.collecting import identity
from meters.collecting.line import Address, MeterAddress, NoAddress
from meters.control.exchange import Exchange, LastWord, Order, reached
from meters.dlms.errors import AccessDenied, CredentialsRefused, DlmsError, ServiceRefused
from meters.dlms.meter import Meter as Talk
from meters.keys import Shown
from meters.models.control import Command
from meters.models.devices import Meter


@dataclass(frozen=True, slots=True)
class DlmsChannel:
    """The way to a meter over the line of its concentrator; another one there gets no orders."""

    address: Address
    meter: MeterAddress
    meter_id: UUID
    serial: str
    overtakes: ClassVar[bool] = False

    @classmethod
    def to(cls, meter: Meter) -> Self | None:
        """The way to a meter; None if no concentrator reaches it."""
        if meter.concentrator is None:
            return None
        try:
            place = MeterAddress.of(meter, meter.concentrator)
        except NoAddress:
            return None
        return cls(Address.of(meter.concentrator), place, meter.pk, meter.serial)

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        """Hold the conversation; keys and the last word are asked for in the caller's thread."""
        exchange: Exchange = async_to_sync(self._converse)(order, may_leave)
        return exchange

    async def _converse(self, order: Order, may_leave: LastWord) -> Exchange:
        exchange = Exchange()
        try:
            async with self.address.connect(self.meter) as connection:
                credentials = await sync_to_async(keys.issue)(self.meter_id)
                try:
                    async with self.address.associate(connection, self.meter, credentials) as talk:
                        exchange.shown = Shown(self.meter_id, credentials, is_refused=False)
                        await identity.verify(talk, self.serial)
                        await _speak(talk, order, may_leave, exchange)
                except CredentialsRefused:
                    heard = await self.address.counter_heard_by(connection, self.meter)
                    exchange.shown = Shown(
                        self.meter_id, credentials, is_refused=True, counter=heard
                    )
                    raise
        except keys.Withheld as error:
            exchange.error = str(error)
        except DlmsError as error:
            exchange.error = exchange.error or f"{type(error).__name__}: {error}"
        return exchange


async def _speak(talk: Talk, order: Order, may_leave: LastWord, exchange: Exchange) -> None:
    if order.read_first or not order.act:
        exchange.relay = await talk.relay()
        if not order.act or reached(order.action, exchange.relay):
            return
        exchange.relay = None
    # Connecting and associating over power line take seconds, in which money may have come in.
    if refusal := await sync_to_async(may_leave)():
        exchange.refused = refusal
        return
    exchange.left = True
    try:
        await (talk.disconnect() if order.action == Command.Action.DISCONNECT else talk.reconnect())
    except (AccessDenied, ServiceRefused) as error:
        # A clear no: the meter was heard, so nothing is unknown.
        exchange.left = False
        exchange.error = f"The meter refused: {error}"
    else:
        exchange.answered = True
    exchange.relay = await talk.relay()
