"""A meter that names another serial is refused, and nothing of it is kept."""

import pytest

from meters.collecting import collection, identity
from meters.collecting.identity import AnotherMeter
from meters.control import requests, sending
from meters.dlms import obis
from meters.dlms.simulator import objects
from meters.event_codes import LOGS, Log
from meters.models import Command, Meter, MeterAlert, MeterEvent, Reading
from meters.tests.dlms.standin import NOON, QUARTER, StandIn
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from meters.tests.simulated import serving_standins

pytestmark = pytest.mark.django_db


@pytest.fixture
def standins():
    logged = {LOGS[Log.FRAUD]: [(NOON - QUARTER, 42)]}
    return [StandIn(101, serial="E999", logged=logged), StandIn(102, serial="E102")]


@pytest.fixture
def hidden(request, monkeypatch):
    """Names that the meters do not tell."""
    told, names = objects._data, getattr(request, "param", [])
    monkeypatch.setattr(
        objects, "_data", lambda name, text: told("0.0.96.1.9.255" if name in names else name, text)
    )


@pytest.fixture
def concentrator(standins, hidden):
    with serving_standins(*standins) as port:
        concentrator = ConcentratorFactory.create(port=port)
        for device in (101, 102):
            meter = MeterFactory.create(
                estate=concentrator.estate, concentrator=concentrator, serial=f"E{device}",
                logical_device=device, maximum_per_interval=5000,
            )  # fmt: skip
            RegisterFactory.create(meter=meter)
        yield concentrator


def gather(concentrator):
    return collection.collect(concentrator_id=concentrator.pk, now=NOON)


def send(concentrator, action):
    command = requests.ask(
        meter_id=concentrator.meters.get(serial="E101").pk, action=action,
        reason="Credit is used up.", cause=Command.Cause.CREDIT, trace=[], requested_by=None,
        now=NOON,
    )  # fmt: skip
    return sending.send(command.pk, permit=lambda *_: sending.Verdict(), now=NOON)


def test_nothing_of_another_meter_is_kept(concentrator):
    summary = gather(concentrator)

    assert summary.failures == {"E101": "The meter at this address is E999, not E101"}
    assert summary.heard == 1
    strange = Meter.objects.get(serial="E101")
    assert (strange.last_contact_at, strange.relay_state) == (None, "unknown")
    assert strange.clock_drift_seconds is None
    assert not Reading.objects.filter(meter=strange).exists()
    assert not MeterEvent.objects.filter(meter=strange).exists()
    assert Reading.objects.filter(meter__serial="E102").exists()


def test_somebody_is_told_until_the_right_one_answers(concentrator, standins):
    gather(concentrator)
    alert = MeterAlert.objects.get()
    assert (alert.meter.serial, alert.kind, alert.state) == ("E101", "meter_fault", "open")
    assert alert.message == (
        "The meter at this address is E999, not E101. "
        "Nothing of it is kept: correct the address of the meter."
    )

    Meter.objects.filter(serial="E101").update(serial="E999")
    assert gather(concentrator).failures == {}
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_the_clock_of_another_meter_is_not_set(concentrator, standins):
    standins[0].at = wrong = NOON - QUARTER

    assert gather(concentrator).clocks_set == 0
    assert standins[0].at == wrong


@pytest.mark.parametrize("action", ["disconnect", "read"])
def test_no_order_reaches_another_meter(concentrator, standins, action):
    sent = send(concentrator, action)

    assert "The meter at this address is E999, not E101" in sent.outcome
    assert (standins[0].connected, standins[0].commands) == (True, [])
    assert Meter.objects.get(serial="E101").relay_state == "unknown"


@pytest.mark.parametrize("hidden", [[obis.DEVICE_ID]], indirect=True)
def test_the_logical_device_name_tells_where_there_is_no_device_id(concentrator):
    assert gather(concentrator).failures == {
        "E101": "The meter at this address is LGZE999, not E101"
    }


@pytest.mark.parametrize("hidden", [[obis.DEVICE_ID, obis.LOGICAL_DEVICE_NAME]], indirect=True)
def test_a_meter_that_names_nothing_is_taken_at_its_address(concentrator):
    assert gather(concentrator).failures == {}


@pytest.mark.parametrize(
    ("named", "serial"),
    [("46000101", "46000101"), ("LGZ46000101", "46000101"), ("46000101", "LGZ 46000101"),
     ("0046000101", "46000101"), ("lgz-46000101", "LGZ46000101")],
)  # fmt: skip
def test_the_ways_of_writing_a_serial(named, serial):
    identity.check(named, serial)


@pytest.mark.parametrize("named", ["46000102", "46000101X", "4600010", "LGZ"])
def test_another_serial(named):
    with pytest.raises(AnotherMeter, match=f"is {named}, not 46000101"):
        identity.check(named, "46000101")
