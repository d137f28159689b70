import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.api.chirpstack import LARGEST, WRONG_AT_MOST
from meters.lorawan import chirpstack, em300_di, qalcosonic_w1
from meters.lorawan.em300_di import History, Pulses, Temperature, WaterAlarm
from meters.lorawan.milesight import Battery
from meters.lorawan.qalcosonic_w1 import Enhanced
from meters.models import Interval, LoraDevice, MeterAlert, NetworkServer, Reading, Uplink
from meters.models.facts import ReadingConflict
from meters.radio import decoding, devices, reception, retention, servers, silence
from meters.radio.devices import CannotRegister
from meters.tests.factories import LoraDeviceFactory, MeterFactory, UplinkFactory
from meters.tests.fuzzing import grammar
from meters.tests.lorawan.posts import EUI, notice, post, up
from quantify.tests.client import Client

pytestmark = pytest.mark.django_db

# Today's midnight of UTC: what is read must lie in the past, and not beyond the checks' reach.
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=2)
QUARTER = timedelta(minutes=15)


def at(quarter: float) -> datetime:
    return START + quarter * QUARTER


def pulses(count: int, *more) -> bytes:
    return em300_di.encode([Pulses(count), *more])


@pytest.fixture(autouse=True)
def _nobody_tried():
    cache.clear()


@pytest.fixture
def server():
    made, secret = servers.register(estate=EstateFactory.create(), name="ChirpStack")
    made.secret = secret
    return made


@pytest.fixture
def meter(server):
    return MeterFactory.create(
        estate=server.estate, kind="water", with_register=True, has_relay=False
    )


@pytest.fixture
def device(server, meter):
    """The EM300-DI of the meter: ten litres a pulse, the dial at 500 litres at pulse zero."""
    made = LoraDeviceFactory.create(server=server, dev_eui=EUI)
    devices.register(
        device_id=made.pk, meter=meter, model="em300_di", per_pulse=Fraction(10), base_value=500
    )
    made.refresh_from_db()
    return made


def send(server, body, event="up"):
    return post(Client(), server.secret, body, event=event)


def result(answer) -> str:
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]["result"]


def values(meter) -> dict[float, int]:
    found = Reading.objects.filter(meter=meter).order_by("taken_at")
    return {(one.taken_at - START) / QUARTER: one.value for one in found}


class TestSecret:
    def test_is_shown_once_and_kept_as_a_digest(self, server):
        assert server.secret.startswith(f"qns_{server.key_id}_")
        assert server.secret not in json.dumps(
            list(NetworkServer.objects.values("key_id", "secret_digest", "previous_digest"))
        )

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda secret: "",
            lambda secret: secret[:-1] + ("0" if secret[-1] != "0" else "1"),
            lambda secret: secret.replace("qns", "qnx"),
            lambda secret: "qns_0123456789abcdef_" + secret.rsplit("_", 1)[1],
            lambda secret: "x" * 500,
        ],
    )
    def test_a_wrong_one_stores_nothing(self, server, spoil):
        answer = post(Client(), spoil(server.secret), up(pulses(1), at(0)))

        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_secret")
        assert answer.headers["WWW-Authenticate"] == "X-Quantify-Secret"
        assert not Uplink.objects.exists()

    def test_wrong_ones_are_throttled_and_the_right_one_is_not(self, server, kept):
        codes = [
            post(Client(), "wrong", up(pulses(1), at(0))).status_code
            for _ in range(WRONG_AT_MOST + 2)
        ]

        assert codes == [401] * WRONG_AT_MOST + [429, 429]
        assert result(send(server, up(pulses(1), at(0)))) == "unknown_device"
        assert len(kept.events("sign_in_failed")) == WRONG_AT_MOST
        assert [line["way"] for line in kept.events("locked_out")] == ["network_server"] * 2

    def test_the_former_one_is_taken_for_a_day(self, server):
        now = datetime.now(UTC)
        fresh = servers.rotate(server=server, now=now)

        assert servers.recognise(fresh, now=now) == server
        assert servers.recognise(server.secret, now=now + timedelta(hours=23)) == server
        with pytest.raises(servers.WrongSecret):
            servers.recognise(server.secret, now=now + timedelta(hours=24))

    def test_belongs_to_an_enabled_server(self, server):
        NetworkServer.objects.update(is_enabled=False)

        assert send(server, up(pulses(1), at(0))).status_code == 401


class TestUplink:
    def test_becomes_a_reading_in_litres(self, server, device, meter):
        assert result(send(server, up(pulses(7), at(0)))) == "stored"
        send(server, up(pulses(9), at(1), counter=1))

        assert values(meter) == {0: 570, 1: 590}
        assert [one.quantity for one in Interval.objects.filter(meter=meter)] == [20]
        meter.refresh_from_db()
        assert meter.communication_status == "online"

    def test_is_kept_as_it_came(self, server, device):
        send(server, up(pulses(7), at(0), counter=5))

        kept = Uplink.objects.get()
        assert (bytes(kept.payload), kept.frame_counter, kept.heard_at) == (pulses(7), 5, at(0))
        assert (kept.rssi, kept.snr, kept.outcome) == (-36, 10.5, "read")

    def test_the_same_deduplication_id_is_one(self, server, device, meter):
        body = up(pulses(7), at(0))
        send(server, body)

        assert result(send(server, body | {"fCnt": 3})) == "duplicate"
        assert Uplink.objects.count() == 1

    def test_the_same_frame_counter_is_one(self, server, device, meter):
        send(server, up(pulses(7), at(0)))

        assert result(send(server, up(pulses(7), at(0)))) == "duplicate"
        assert values(meter) == {0: 570}

    def test_counters_begin_anew_after_a_join(self, server, device, meter):
        send(server, up(pulses(7), at(0)))
        joined = notice(devAddr="01abcdef", time=at(0.5).isoformat())
        assert result(send(server, joined, "join")) == "noted"

        assert result(send(server, up(pulses(8), at(1), devAddr="01abcdef"))) == "stored"
        assert values(meter) == {0: 570, 1: 580}

    def test_a_join_told_twice_begins_one_session(self, server, device):
        for _ in range(2):
            send(server, notice(devAddr="01abcdef", time=at(0.5).isoformat()), "join")

        device.refresh_from_db()
        assert device.session == 1

    def test_counters_begin_anew_without_a_join_that_was_heard(self, server, device, meter):
        send(server, up(pulses(7), at(0), counter=40))

        assert result(send(server, up(pulses(8), at(1)))) == "stored"
        assert result(send(server, up(pulses(6), at(-1), counter=39))) == "stored"
        assert values(meter) == {-1: 560, 0: 570, 1: 580}

    def test_the_first_of_a_quarter_counts(self, server, device, meter):
        send(server, up(pulses(7), at(0.1)))
        send(server, up(pulses(8), at(0.6), counter=1))
        send(server, up(pulses(9), at(0.95), counter=2))  # 45 s before the next quarter

        assert values(meter) == {0: 570, 1: 590}
        assert not ReadingConflict.objects.exists()

    def test_what_a_person_read_stands(self, server, device, meter):
        readings_of = Reading.objects.filter(meter=meter)
        channel = meter.registers.get().channel
        from meters import readings

        readings.record(
            [readings.RawReading(meter.pk, channel, at(0), 569)],
            source=Reading.Source.MANUAL,
            received_at=at(1),
        )
        send(server, up(pulses(7), at(0.3)))

        assert [one.value for one in readings_of] == [569]
        assert not ReadingConflict.objects.exists()

    def test_history_fills_a_gap(self, server, device, meter):
        send(server, up(pulses(7), at(0)))
        missed = [
            History(int(at(quarter).timestamp()) + 3, 200, 90, 2, 0, 7 + quarter)
            for quarter in (1, 2, 3)
        ]
        send(server, up(em300_di.encode([*missed, Pulses(11)]), at(4), counter=4))

        assert values(meter) == {0: 570, 1: 580, 2: 590, 3: 600, 4: 610}
        assert {one.quality for one in Interval.objects.filter(meter=meter)} == {"actual"}

    def test_history_of_tomorrow_is_none(self, server, device, meter):
        ahead = History(int(at(400).timestamp()), 200, 90, 2, 0, 9)
        send(server, up(em300_di.encode([ahead, Pulses(7)]), at(0)))

        assert values(meter) == {0: 570}

    def test_an_unreadable_one_is_kept_and_said(self, server, device, meter):
        assert result(send(server, up(b"\x42\x42\x00", at(0)))) == "stored"

        kept = Uplink.objects.get()
        assert (kept.outcome, kept.problem) == ("unreadable", "Channel 42 42 is not known.")
        device.refresh_from_db()
        assert device.problem == kept.problem
        assert values(meter) == {}

    def test_keeps_battery_and_signal(self, server, device):
        send(server, up(pulses(1, Battery(92)), at(0)))
        send(server, up(pulses(1), at(1), counter=1, rxInfo=[
            {"gatewayId": "aa", "rssi": -120, "snr": -10},
            {"gatewayId": "bb", "rssi": -90, "snr": 2.5},
        ]))  # fmt: skip

        device.refresh_from_db()
        assert (device.battery_percent, device.battery_at) == (92, at(0))
        assert (device.rssi, device.snr, device.gateway) == (-90, 2.5, "bb")
        assert device.last_uplink_at == at(1)

    def test_the_meters_status_tells_them(self, server, device, meter):
        send(server, up(pulses(1, Battery(92)), at(0)))

        told = Client(UserFactory.create()).get(f"/meters/{meter.pk}/status").json()["data"]

        radio = told["radio"]
        assert (radio["dev_eui"], radio["battery_percent"], radio["rssi"]) == (EUI, 92, -36)

    def test_a_late_one_does_not_turn_the_state_back(self, server, device):
        send(server, up(pulses(2, Battery(90)), at(1), counter=1))
        send(server, up(pulses(1, Battery(95)), at(0)))

        device.refresh_from_db()
        assert (device.battery_percent, device.last_uplink_at) == (90, at(1))

    def test_two_at_once_are_two(self, server, device, meter, transactional_db):
        barrier, results = Barrier(6), []
        body = up(pulses(9), at(1), counter=1)
        bodies = [up(pulses(7), at(0))] * 3 + [body] * 3

        def one(body):
            barrier.wait()
            results.append(result(send(server, body)))
            connections.close_all()

        threads = [Thread(target=one, args=[body]) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(results) == ["duplicate"] * 4 + ["stored"] * 2
        assert values(meter) == {0: 570, 1: 590}


class TestQalcosonic:
    def test_hours_become_readings_once(self, server, meter):
        made = LoraDeviceFactory.create(server=server, dev_eui=EUI)
        devices.register(device_id=made.pk, meter=meter, model="qalcosonic_w1")
        for hour in (24, 25):
            frame = Enhanced(int(at(hour * 4).timestamp()) + 30, 0, 1000 + hour, (1,) * 23)
            heard_at = at(hour * 4) + timedelta(seconds=35)
            send(server, up(qalcosonic_w1.encode(frame), heard_at, counter=hour, port=100))

        assert values(meter) == {hour * 4: 1023 + hour for hour in range(1, 26)}
        assert not ReadingConflict.objects.exists()

    def test_a_wrong_clock_is_not_believed(self, server, meter):
        made = LoraDeviceFactory.create(server=server, dev_eui=EUI)
        devices.register(device_id=made.pk, meter=meter, model="qalcosonic_w1")
        frame = Enhanced(int(at(0).timestamp()) - 7200, 0, 1000, (1,) * 23)
        send(server, up(qalcosonic_w1.encode(frame), at(0.2), port=100))

        assert values(meter) == {0: 1023}
        made.refresh_from_db()
        assert "clock" in made.problem

    def test_conditions_are_raised_once_and_end(self, server, meter):
        made = LoraDeviceFactory.create(server=server, dev_eui=EUI)
        devices.register(device_id=made.pk, meter=meter, model="qalcosonic_w1")
        for hour, status in enumerate((0xA0, 0xA0, 0x24, 0x00)):
            frame = Enhanced(int(at(hour * 4).timestamp()) + 30, status, 1000 + hour, (1,) * 23)
            heard_at = at(hour * 4) + timedelta(seconds=35)
            send(server, up(qalcosonic_w1.encode(frame), heard_at, counter=hour, port=100))

        told = {
            alert.kind: (alert.severity, alert.raised_at.hour, alert.resolved_at.hour)
            for alert in MeterAlert.objects.filter(meter=meter)
        }
        assert told == {
            "burst": ("critical", 0, 2),
            "leak": ("warning", 2, 3),
            "low_battery": ("warning", 2, 3),
        }


class TestConditions:
    def test_an_alarm_lasts_until_its_release(self, server, device, meter):
        for quarter, alarm in enumerate((3, None, 4)):
            more = [] if alarm is None else [WaterAlarm(0, 0, 0.0, alarm)]
            send(server, up(pulses(quarter, *more), at(quarter), counter=quarter))
            state = MeterAlert.objects.get(kind="leak").state
            assert state == ("resolved" if alarm == 4 else "open")

    def test_a_low_battery_is_told_once(self, server, device, meter):
        for counter, percent in enumerate((9, 8, 15, 100)):
            send(server, up(em300_di.encode([Battery(percent)]), at(counter), counter=counter))

        alert = MeterAlert.objects.get(kind="low_battery")
        assert alert.message == "The battery is at 8 %: replace it."
        assert alert.resolved_at == at(3)


class TestUnknownDevice:
    def test_is_listed_and_read_once_it_is_registered(self, server, meter):
        assert result(send(server, up(pulses(7), at(0)))) == "unknown_device"
        send(server, up(pulses(9), at(1), counter=1))

        device = LoraDevice.objects.unknown().get()
        assert (device.dev_eui, device.name, device.model) == (EUI, "A-101 water", "em300_di")
        devices.register(device_id=device.pk, meter=meter, model="em300_di")

        assert values(meter) == {0: 7, 1: 9}
        assert not Uplink.objects.waiting().exists()

    def test_needs_a_meter_of_the_same_estate(self, server):
        device = LoraDeviceFactory.create(server=server)

        with pytest.raises(CannotRegister, match="another estate"):
            devices.register(
                device_id=device.pk,
                meter=MeterFactory.create(kind="water", with_register=True),
                model="em300_di",
            )

    def test_a_meter_has_one_voice(self, device, server, meter):
        other = LoraDeviceFactory.create(server=server)

        with pytest.raises(CannotRegister, match="another LoRaWAN device"):
            devices.register(device_id=other.pk, meter=meter, model="em300_di")

    def test_a_device_that_was_released_is_kept_unread(self, server, device, meter):
        devices.release(device_id=device.pk)

        assert result(send(server, up(pulses(7), at(0)))) == "unknown_device"
        assert values(meter) == {}

    def test_the_register_gets_the_counters_span(self, device, meter):
        assert meter.registers.get().span == 2**32 * 10


class TestReadingAgain:
    def test_changes_nothing(self, server, device, meter):
        send(server, up(pulses(7, Battery(50)), at(0)))
        send(server, up(pulses(9), at(1), counter=1))
        before = list(Reading.objects.order_by("taken_at").values())

        outcome = decoding.read_again(device.pk, begin=at(0), end=at(2))

        assert (outcome.read, outcome.recorded.created, outcome.recorded.duplicates) == (2, 0, 2)
        assert list(Reading.objects.order_by("taken_at").values()) == before

    def test_adds_what_a_better_decoder_finds(self, server, device, meter):
        LoraDevice.objects.update(model="qalcosonic_w1")
        send(server, up(pulses(7), at(0)))
        assert values(meter) == {}
        LoraDevice.objects.update(model="em300_di")

        call_command("decode_uplinks", "--from", at(0).isoformat(), "--device", EUI)

        assert values(meter) == {0: 570}
        assert Uplink.objects.get().outcome == "read"

    def test_keeps_what_contradicts_as_a_conflict(self, server, device, meter):
        send(server, up(pulses(7), at(0)))
        LoraDevice.objects.update(base_value=600)

        outcome = decoding.read_again(device.pk, begin=at(0), end=at(1))

        assert outcome.recorded.conflicts == 1
        assert values(meter) == {0: 570}

    def test_what_a_crash_left_is_found(self, server, device, meter, monkeypatch):
        monkeypatch.setattr(decoding, "read", _crash)
        assert send(server, up(pulses(7), at(0))).status_code == 500
        assert Uplink.objects.waiting().count() == 1
        monkeypatch.undo()

        decoding.read_waiting()

        assert values(meter) == {0: 570}

    def test_names_a_device_that_is_not_there(self, device):
        with pytest.raises(CommandError, match="No registered device"):
            call_command("decode_uplinks", "--device", "ffffffffffffffff")


def _crash(*_):
    raise RuntimeError("crashed")


class TestRetention:
    def test_old_uplinks_go_and_young_ones_stay(self):
        now = datetime.now(UTC)
        UplinkFactory.create(heard_at=now - timedelta(days=181))
        young = UplinkFactory.create(heard_at=now - timedelta(days=179))

        assert retention.purge(now=now) == 1
        assert Uplink.objects.get() == young

    def test_the_database_keeps_young_ones(self):
        young = UplinkFactory.create(heard_at=datetime.now(UTC))

        with pytest.raises(IntegrityError, match="at least 30 days"):
            young.delete()

    def test_the_database_keeps_them_as_they_came(self):
        kept = UplinkFactory.create()

        with pytest.raises(IntegrityError, match="not changed"):
            Uplink.objects.filter(pk=kept.pk).update(payload=b"other")


class TestSilence:
    def test_is_told_after_the_devices_own_time(self, server, device, meter):
        send(server, up(pulses(7), at(0)))
        LoraDevice.objects.update(offline_after_minutes=120)

        assert silence.notice_silence(now=at(7)) == 0
        assert silence.notice_silence(now=at(9)) == 1

        meter.refresh_from_db()
        assert meter.communication_status == "offline"
        assert MeterAlert.objects.get().message == "The LoRaWAN device sent nothing for 2 hours."
        send(server, up(pulses(8), at(10), counter=1))
        assert MeterAlert.objects.get().state == "resolved"


class TestOtherEvents:
    def test_status_tells_the_battery(self, server, device):
        body = notice(time=at(0).isoformat(), margin=10, batteryLevel=75.59)

        assert result(send(server, body, "status")) == "noted"
        device.refresh_from_db()
        assert (device.battery_percent, device.battery_at) == (76, at(0))

    def test_a_log_of_an_error_is_told(self, server, device):
        body = notice(level="ERROR", code="UPLINK_CODEC", description="it failed")

        assert result(send(server, body, "log")) == "noted"
        device.refresh_from_db()
        assert device.problem == "UPLINK_CODEC: it failed"

    @pytest.mark.parametrize("event", ["location", "integration", "ack", "txack"])
    def test_others_are_taken_without_effect(self, server, event):
        body = notice(queueItemId=str(uuid4()), acknowledged=True)

        assert send(server, body, event).status_code == 200

    @pytest.mark.parametrize("event", ["", "UP", "nonsense"])
    def test_unknown_ones_are_refused(self, server, event):
        assert send(server, {}, event).status_code == 422


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "devEui",
                    "deviceInfo",
                    "time",
                    "data",
                    "fCnt",
                    "rxInfo",
                    "rssi",
                    "deduplicationId",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
FIELDS = ["deduplicationId", "time", "deviceInfo", "devAddr", "fPort", "fCnt", "data", "rxInfo"]


class TestNonsense:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 422),
            (b"[]", 400),
            (b"{", 400),
            (b"[" * 60_000, 400),
            (b'{"a": "' + b"x" * LARGEST + b'"}', 413),
            (b"{}", 422),
        ],
        ids=["empty", "a list", "cut off", "deep", "large", "without fields"],
    )
    def test_is_refused(self, server, body, status):
        answer = Client().post(
            "/integrations/chirpstack?event=up",
            data=body,
            content_type="application/json",
            headers={"X-Quantify-Secret": server.secret},
        )

        assert answer.status_code == status
        assert not Uplink.objects.exists()

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
    )
    @given(data=st.data())
    def test_books_nothing(self, server, device, meter, data):
        field = data.draw(st.sampled_from(FIELDS))
        body = up(b"\x05\x00\x01", at(0)) | {field: data.draw(JSON)}

        answer = send(server, body)

        assert answer.status_code in (200, 400, 422)
        assert values(meter) == {}
        assert answer.json().get("code") != "unexpected"

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
    )
    @given(data=st.data())
    def test_books_nothing_of_a_spoiled_frame(self, server, device, meter, data):
        before, number = values(meter), Uplink.objects.count()
        payload = data.draw(grammar.spoiled(pulses(7, Battery(50))))

        answer = send(server, up(payload, at(number), counter=number))

        assert answer.status_code == 200
        if Uplink.objects.get(frame_counter=number).outcome != Uplink.Outcome.READ:
            assert values(meter) == before

    def test_what_was_wrong_is_shown_at_the_server(self, server):
        send(server, up(pulses(1), at(0)) | {"deviceInfo": {"devEui": "zz"}})

        server.refresh_from_db()
        assert server.last_problem == "up: deviceInfo.devEui is not 16 hexadecimal digits."


def test_a_frame_without_a_count_is_contact(server, device, meter):
    send(server, up(em300_di.encode([Temperature(215)]), at(0)))

    meter.refresh_from_db()
    assert (meter.communication_status, meter.last_reading_at) == ("online", None)


class TestBacklog:
    """What a network server held back comes at once, and counts as if it had come one by one."""

    def heard(self, *quarters, payload=pulses):
        return [chirpstack.uplink(up(payload(100 + q), at(q), counter=q + 1)) for q in quarters]

    def test_is_kept_once_and_read(self, server, device, meter):
        backlog = self.heard(2, 0, 1)
        backlog[1] = chirpstack.uplink(
            up(pulses(102), at(2), counter=3, deduplicationId=str(backlog[0].deduplication_id))
        )

        kept = reception.take_backlog(server, [*backlog, *self.heard(0)], now=at(3))
        decoding.read_new(device.pk)

        assert kept == 3
        assert values(meter) == {0: 1500, 1: 1510, 2: 1520}
        assert reception.take_backlog(server, self.heard(0, 1, 2), now=at(4)) == 0
        device.refresh_from_db()
        assert (device.last_uplink_at, device.frame_counter) == (at(2), 3)

    def test_of_an_unknown_device_waits(self, server):
        assert reception.take_backlog(server, self.heard(0, 1), now=at(2)) == 2
        assert LoraDevice.objects.unknown().get().uplinks.count() == 2
        assert not Reading.objects.exists()


class TestQuarter:
    def test_is_read_from_the_first_uplink_that_counts(self, server, device, meter):
        """What a relay says in between has no count, and takes no quarter's reading away."""
        send(server, up(pulses(7), at(0)))
        send(server, up(em300_di.encode([Battery(90)]), at(0.95), counter=1))
        send(server, up(pulses(9), at(1), counter=2))
        send(server, up(pulses(11), at(1.5), counter=3))

        assert values(meter) == {0: 570, 1: 590}
