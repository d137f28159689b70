"""Supplies in operation for the tests of credit control, with relays that remember."""

from collections.abc import Callable
from datetime import datetime, timedelta

from meters import partitions
from meters.control.exchange import Exchange, LastWord, Order
from meters.dlms.values import ControlState, RelayState
from meters.models import Meter
from meters.tests.factories import MeterFactory
from notifications import outbox
from units.models import Unit
from units.tests.factories import UnitFactory
from wallets.credit import control
from wallets.models import Wallet

CUT = RelayState(output=False, control_state=ControlState.DISCONNECTED, control_mode=4)
CONNECTED = RelayState(output=True, control_state=ControlState.CONNECTED, control_mode=4)


class Relays:
    """
    Meters that obey; `orders` is what really was sent.

    `meanwhile` happens while the line is opened, `before_answering` when the order has left.
    """

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.before_answering: Callable[[], object] = lambda: None

    def __call__(self, meter: Meter) -> "Relays":
        return self

    def converse(self, order: Order, may_leave: LastWord) -> Exchange:
        self.meanwhile()
        if refusal := may_leave():
            return Exchange(refused=refusal)
        self.orders.append(order.action)
        self.before_answering()
        relay = CUT if order.action == "disconnect" else CONNECTED
        return Exchange(left=True, answered=True, relay=relay)


def supply(now: datetime, unit: Unit | None = None) -> Meter:
    """An electricity meter at a unit with an empty wallet, read a minute ago."""
    partitions.ensure(now.date(), now.date())
    unit = unit or UnitFactory.create()
    return MeterFactory.create(
        estate=unit.estate,
        with_register=True,
        installed=True,
        installation__unit=unit,
        behind_concentrator=True,
        relay_state=Meter.RelayState.CONNECTED,
        last_reading_at=now - timedelta(minutes=1),
    )


def wallet_of(meter: Meter) -> Wallet:
    return Wallet.objects.get(unit__installations__meter=meter)


def warn(now: datetime) -> None:
    """Let everybody who is out of credit be warned."""
    control.run(now=now)
    outbox.deliver_due(now=now)


def control_and_send(now: datetime, relays: Relays) -> control.Outcome:
    outcome = control.run(now=now)
    for command in outcome.requested:
        control.send(command.pk, now=now, finding=relays)
    return outcome


def cut(meter: Meter, now: datetime, relays: Relays) -> None:
    warn(now)
    control_and_send(now, relays)
    meter.refresh_from_db()
