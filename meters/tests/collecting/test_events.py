from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from meters import events
from meters.collecting import collection
from meters.event_codes import LOGS, Log, Sign, meaning
from meters.events import RawEvent
from meters.models import Meter, MeterEvent
from meters.tests.dlms.standin import NOON, StandIn
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from meters.tests.simulated import serving_standins

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def standin():
    return StandIn(
        101,
        serial="E1",
        logged={
            LOGS[Log.STANDARD]: [(NOON - 9 * MINUTE, 1), (NOON - 8 * MINUTE, 2)],
            LOGS[Log.FRAUD]: [(NOON - 7 * MINUTE, 40), (NOON - 6 * MINUTE, 42)],
            LOGS[Log.DISCONNECTOR]: [(NOON - 5 * MINUTE, 62)],
        },
    )


@pytest.fixture
def concentrator(standin):
    with serving_standins(standin) as port:
        concentrator = ConcentratorFactory.create(port=port)
        meter = MeterFactory.create(
            estate=concentrator.estate, concentrator=concentrator, logical_device=101,
            maximum_per_interval=5000, serial="E1",
        )  # fmt: skip
        RegisterFactory.create(meter=meter)
        yield concentrator


def gather(concentrator, now=NOON):
    return collection.collect(concentrator_id=concentrator.pk, now=now)


def told():
    rows = MeterEvent.objects.exclude(log="system").order_by("occurred_at")
    return [(row.log, row.occurred_at, row.words) for row in rows]


class TestCollection:
    def test_brings_all_logs(self, concentrator):
        assert gather(concentrator).events == 5
        assert told() == [
            ("standard", NOON - 9 * MINUTE, "Power failure"),
            ("standard", NOON - 8 * MINUTE, "Power returned"),
            ("fraud", NOON - 7 * MINUTE, "Terminal cover removed"),
            ("fraud", NOON - 6 * MINUTE, "Strong magnetic field"),
            ("disconnector", NOON - 5 * MINUTE, "Disconnected remotely"),
        ]

    def test_brings_what_is_new_an_hour_later(self, concentrator, standin):
        gather(concentrator)
        standin.logged[LOGS[Log.STANDARD]].append((NOON - 4 * MINUTE, 200))
        standin.at = NOON + 15 * MINUTE

        assert gather(concentrator, NOON + 15 * MINUTE).events == 0
        standin.at = NOON + 60 * MINUTE
        assert gather(concentrator, NOON + 60 * MINUTE).events == 1
        assert told()[-1][2] == "Event 200"

    def test_is_not_blinded_by_an_event_from_the_future(self, concentrator, standin):
        standin.logged[LOGS[Log.FRAUD]].insert(0, (NOON + timedelta(days=200), 44))
        gather(concentrator)
        Meter.objects.update(events_read_at=None)
        standin.logged[LOGS[Log.FRAUD]].append((NOON - MINUTE, 45))

        assert gather(concentrator).events == 1

    def test_does_without_logs(self, concentrator, standin, monkeypatch):
        monkeypatch.setattr("meters.dlms.simulator.objects.logs_of", lambda *_: [], raising=True)
        with serving_standins(StandIn(101, serial="E1")) as port:
            concentrator.port = port
            concentrator.save()

            summary = gather(concentrator)

        assert (summary.events, summary.failures) == (0, {})


class TestRecord:
    def test_keeps_each_once(self):
        meter = MeterFactory.create()
        event = RawEvent(meter.pk, Log.FRAUD, NOON, 42)

        assert events.record([event, event]) == 1
        assert events.record([event]) == 0

    @pytest.mark.parametrize("code", [-5, 2**31, 2**70])
    def test_passes_over_what_can_be_no_code(self, code):
        broken, sound = MeterFactory.create_batch(2)

        kept = events.record(
            [
                RawEvent(broken.pk, Log.STANDARD, NOON, code),
                RawEvent(sound.pk, Log.STANDARD, NOON, 1),
            ]
        )

        assert kept == 1
        assert MeterEvent.objects.get().meter == sound

    def test_nothing_is_changed_afterwards(self):
        events.record([RawEvent(MeterFactory.create().pk, Log.FRAUD, NOON, 42)])

        with pytest.raises(DatabaseError), transaction.atomic():
            MeterEvent.objects.update(code=1)
        with pytest.raises(DatabaseError), transaction.atomic():
            MeterEvent.objects.all().delete()


def test_signs_tells_by_when_it_was_learned():
    meter = MeterFactory.create()
    events.record([
        RawEvent(meter.pk, Log.FRAUD, NOON - timedelta(days=9), 42),
        RawEvent(meter.pk, Log.STANDARD, NOON, 1),
    ])  # fmt: skip
    learned = MeterEvent.objects.first().created_at

    found = events.signs(Sign.TAMPER, learned_since=learned)

    assert [event.code for event in found] == [42]
    assert not events.signs(Sign.TAMPER, learned_since=learned + MINUTE).exists()


def test_meanings_depend_on_the_log():
    assert meaning(Log.SYSTEM, 1).words == "Clock set by this system"
    assert meaning(Log.STANDARD, 1).words == "Power failure"
    assert meaning(Log.STANDARD, 199) is None
