from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from kombu.exceptions import OperationalError

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters import readings
from meters.models import Meter, Register
from meters.readings import RawReading
from meters.tests.factories import (
    ConcentratorFactory,
    MeterAlertFactory,
    MeterFactory,
)
from quantify.periods import SOUTH_AFRICA
from quantify.tests.client import Client
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 7, 1, 6, tzinfo=UTC)


@pytest.fixture
def manager():
    return UserFactory.create(role=roles.PROPERTY_MANAGER)


@pytest.fixture
def estate(manager):
    return EstateFactory.create(code="WC001", members=[manager])


@pytest.fixture
def client(manager, estate):
    return Client(manager)


@pytest.fixture
def meter(estate):
    return MeterFactory.create(estate=estate, with_register=True)


@pytest.fixture
def foreign():
    return MeterFactory.create(with_register=True)


def read_out(meter, *values, start=MORNING):
    """Quarter-hourly readings of a meter, in Wh."""
    rows = [
        RawReading(meter.pk, 1, datetime.fromtimestamp(start.timestamp() + 900 * n, UTC), value)
        for n, value in enumerate(values)
    ]
    readings.record(rows, received_at=rows[-1].taken_at)


class TestMeters:
    def test_are_made_with_their_register(self, client, estate):
        response = client.post(
            "/meters", {"estate": str(estate.pk), "serial": "W1", "kind": "water"}
        )

        assert response.status_code == 201
        meter = Meter.objects.get(pk=response.json()["data"]["id"])
        assert meter.registers.get().channel == Register.Channel.VOLUME
        again = client.post("/meters", {"estate": str(estate.pk), "serial": "W1", "kind": "water"})
        assert again.status_code == 409

    def test_stand_behind_a_concentrator_of_their_estate(self, client, estate, manager):
        body = {"estate": str(estate.pk), "serial": "E1", "kind": "electricity"}
        other = EstateFactory.create(members=[manager])
        own = ConcentratorFactory.create(estate=estate)
        near = {"concentrator": str(own.pk), "logical_device": 7}
        far = {"concentrator": str(ConcentratorFactory.create(estate=other).pk)}

        assert client.post("/meters", {**body, **far}).status_code == 422
        assert client.post("/meters", {**body, **near}).status_code == 201
        taken = client.post("/meters", {**body, **near, "serial": "E2"})
        assert taken.status_code == 409

    def test_filter(self, client, estate):
        unit = UnitFactory.create(estate=estate)
        hanging = MeterFactory.create(estate=estate, installed=True, installation__unit=unit)
        MeterFactory.create(estate=estate, kind="water", behind_concentrator=True)

        def listed(query):
            return [one["serial"] for one in client.get(f"/meters?{query}").json()["data"]]

        assert listed(f"unit={unit.pk}") == [hanging.serial]
        assert listed("kind=water&communication_status=offline") != [hanging.serial]
        assert len(listed(f"estate={estate.pk}")) == 2
        assert listed(f"q={hanging.serial}") == [hanging.serial]
        assert client.get("/meters?kind=gas").status_code == 422

    def test_take_few_statements(self, client, estate, django_assert_max_num_queries):
        for _ in range(20):
            MeterFactory.create(estate=estate, installed=True, behind_concentrator=True)
        client.get("/meters")

        with django_assert_max_num_queries(5):
            assert len(client.get(f"/meters?estate={estate.pk}").json()["data"]) == 20

    def test_of_foreign_estates_are_hidden(self, client, foreign, meter):
        assert client.get("/meters").json()["total"] == 1
        for path in ("", "/readings", "/intervals", "/status", "/commands"):
            assert client.get(f"/meters/{foreign.pk}{path}").status_code == 404
        assert client.post(f"/meters/{foreign.pk}/install", {}).status_code == 404
        reading = {"taken_at": "2026-07-01T08:00:00+02:00", "value": "1"}
        assert client.post(f"/meters/{foreign.pk}/readings", reading).status_code == 404
        order = {"action": "disconnect", "reason": "x"}
        assert client.post(f"/meters/{foreign.pk}/commands", order).status_code == 404

    def test_are_read_only_to_viewers(self, estate, meter):
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        client = Client(viewer)

        assert client.get(f"/meters/{meter.pk}").status_code == 200
        body = {"estate": str(estate.pk), "serial": "W1", "kind": "water"}
        assert client.post("/meters", body).status_code == 403
        assert client.post(f"/meters/{meter.pk}/readings", {}).status_code == 403
        assert client.post(f"/meters/{meter.pk}/commands", {}).status_code == 403


class TestInstallations:
    def test_begin_and_end(self, client, estate, meter):
        unit = UnitFactory.create(estate=estate)
        path = f"/meters/{meter.pk}"

        put_up = client.post(
            f"{path}/install",
            {"unit": str(unit.pk), "starts_at": "2026-07-01T08:00:00+02:00",
             "opening_value": "10.500"},
        )  # fmt: skip

        assert put_up.status_code == 201
        assert put_up.json()["data"]["opening_value"] == "10.500"
        shown = client.get(path).json()["data"]
        assert shown["unit"] == str(unit.pk)
        assert shown["installation"]["id"] == put_up.json()["data"]["id"]
        supplied = client.get(f"/units/{unit.pk}").json()["data"]
        assert [one["id"] for one in supplied["meters"]] == [str(meter.pk)]
        assert supplied["wallet"]["balance"] == "0.00"
        assert client.delete(path).status_code == 409

        taken_down = client.post(
            f"{path}/remove", {"ends_at": "2026-07-02T08:00:00+02:00", "closing_value": "12"}
        )

        assert taken_down.status_code == 200
        assert taken_down.json()["data"]["closing_value"] == "12.000"
        assert client.get(path).json()["data"]["unit"] is None
        assert client.delete(path).status_code == 204

    def test_are_refused(self, client, estate, meter, manager):
        unit = UnitFactory.create(estate=estate)
        other = UnitFactory.create(estate=EstateFactory.create(members=[manager]))
        MeterFactory.create(estate=estate, installed=True, installation__unit=unit)
        body = {"starts_at": "2026-07-01T08:00:00+02:00", "opening_value": "0"}

        def code(**fields):
            answer = client.post(f"/meters/{meter.pk}/install", {**body, **fields})
            return answer.status_code, answer.json()["code"]

        def field(meter=meter, **fields):
            refused = client.post(f"/meters/{meter.pk}/install", {**body, **fields})
            (error,) = refused.json()["errors"]
            assert error["code"] == "installed_elsewhere"
            return error["field"]

        assert code(unit=str(unit.pk)) == (409, "installed_elsewhere")
        assert field(unit=str(unit.pk)) == "unit"
        free = UnitFactory.create(estate=estate)
        hanging = MeterFactory.create(estate=estate, installed=True)
        assert field(hanging, unit=str(free.pk)) == "starts_at"
        assert code(unit=str(other.pk)) == (400, "another_estate")
        assert code() == (422, "invalid")
        odd = "2026-07-01T08:01:00+02:00"
        assert code(unit=str(unit.pk), starts_at=odd) == (400, "not_a_quarter_hour")
        removal = {"ends_at": body["starts_at"], "closing_value": "0"}
        never = client.post(f"/meters/{meter.pk}/remove", removal)
        assert never.json()["code"] == "not_installed"


class TestReadings:
    def test_are_recorded_by_hand_once(self, client, meter):
        path = f"/meters/{meter.pk}/readings"
        body = {"taken_at": "2026-07-01T08:00:00+02:00", "value": "120.500"}

        first, second = client.post(path, body), client.post(path, body)
        other = client.post(path, {**body, "value": 121})

        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["data"]["result"] == "created"
        assert second.json()["data"]["result"] == "duplicate"
        assert (other.status_code, other.json()["code"]) == (409, "reading_conflict")
        (shown,) = client.get(path).json()["data"]
        assert (shown["value"], shown["unit"], shown["source"]) == ("120.500", "kWh", "manual")

    def test_are_rejected_with_a_reason(self, client, meter):
        path = f"/meters/{meter.pk}/readings"

        odd = client.post(path, {"taken_at": "2026-07-01T08:01:00+02:00", "value": "1"})
        naive = client.post(path, {"taken_at": "2026-07-01T08:00:00", "value": "1"})
        negative = client.post(path, {"taken_at": "2026-07-01T08:00:00Z", "value": "-1"})

        assert (odd.status_code, odd.json()["code"]) == (400, "reading_rejected")
        assert "quarter hour" in odd.json()["detail"]
        assert naive.json()["errors"][0]["code"] == "naive"
        assert negative.status_code == 422

    def test_come_in_batches(self, client, meter):
        path = f"/meters/{meter.pk}/readings"
        good = {"taken_at": "2026-07-01T08:00:00+02:00", "value": "1", "register": "import"}
        odd = {"taken_at": "2026-07-01T08:01:00+02:00", "value": "1"}

        response = client.post(path, {"readings": [good, odd, good]})

        assert response.status_code == 201
        results = response.json()["data"]["results"]
        assert [one["result"] for one in results] == ["created", "rejected", "duplicate"]
        assert response.json()["data"]["counts"]["rejected"] == 1
        assert client.post(path, {"readings": []}).status_code == 422
        assert client.post(path, {"readings": [good] * 1001}).status_code == 422
        broken = client.post(path, {"readings": [good, {"value": "1"}]})
        assert broken.json()["errors"][0]["field"] == "readings[1].taken_at"

    def test_filter_and_page_by_cursor(self, client, meter):
        read_out(meter, 0, 100, 200, 300)
        path = f"/meters/{meter.pk}/readings"

        def listed(query):
            return [one["value"] for one in client.get(f"{path}?{query}").json()["data"]]

        assert listed("from=2026-07-01T06:15:00Z&to=2026-07-01T06:45:00Z") == ["0.200", "0.100"]
        assert listed("source=manual") == []
        assert listed("quality=actual&order=asc") == ["0.000", "0.100", "0.200", "0.300"]
        assert listed("register=export") == []
        first = client.get(f"{path}?per_page=3&cursor=").json()
        second = client.get(f"{path}?per_page=3&cursor={first['next_cursor']}").json()
        assert [one["value"] for one in second["data"]] == ["0.000"]
        assert second["next_cursor"] is None

    @pytest.mark.parametrize("order", ["desc", "asc"])
    def test_page_through_several_registers_by_cursor(self, client, meter, order):
        Register.objects.create(meter=meter, channel=2, obis="1.0.2.8.0.255")
        at = [MORNING + timedelta(minutes=15 * number) for number in range(5)]
        rows = [RawReading(meter.pk, channel, one, 1) for one in at for channel in (1, 2)]
        readings.record(rows, received_at=at[-1])
        path = f"/meters/{meter.pk}/readings?per_page=3&order={order}"

        seen, cursor = [], ""
        while cursor is not None:
            page = client.get(f"{path}&cursor={cursor}").json()
            seen += [(one["taken_at"], one["register"]) for one in page["data"]]
            cursor = page["next_cursor"]

        instants = [one.astimezone(SOUTH_AFRICA).isoformat() for one in at]
        downwards = [(one, name) for one in reversed(instants) for name in ("import", "export")]
        assert seen == (downwards if order == "desc" else downwards[::-1])


class TestIntervals:
    def intervals(self, client, meter, query):
        response = client.get(f"/meters/{meter.pk}/intervals?{query}")
        assert response.status_code == 200, response.content
        return [(one["start"], one["quantity"]) for one in response.json()["data"]]

    def test_are_summed_by_local_time(self, client, meter):
        read_out(meter, 0, 100, 250, 300, 400, 700)
        whole = "from=2026-07-01&to=2026-07-02"

        assert self.intervals(client, meter, whole)[1] == ("2026-07-01T08:15:00+02:00", "0.150")
        assert self.intervals(client, meter, f"{whole}&group_by=hour") == [
            ("2026-07-01T08:00:00+02:00", "0.400"), ("2026-07-01T09:00:00+02:00", "0.300"),
        ]  # fmt: skip
        assert self.intervals(client, meter, f"{whole}&group_by=day") == [
            ("2026-07-01T00:00:00+02:00", "0.700")
        ]
        assert self.intervals(client, meter, f"{whole}&group_by=month") == [
            ("2026-07-01T00:00:00+02:00", "0.700")
        ]

    def test_page_by_cursor(self, client, meter):
        read_out(meter, 0, 100, 250, 300)
        path = f"/meters/{meter.pk}/intervals?from=2026-07-01&to=2026-07-02&per_page=2"

        first = client.get(f"{path}&cursor=").json()
        second = client.get(f"{path}&cursor={first['next_cursor']}").json()

        assert [one["quantity"] for one in first["data"]] == ["0.100", "0.150"]
        assert [one["quantity"] for one in second["data"]] == ["0.050"]
        assert client.get(f"{path}&cursor=&group_by=day").status_code == 422

    @pytest.mark.parametrize(
        "query", ["group_by=year", "from=x", "from=2026-07-02&to=2026-07-01", "sort=start"]
    )
    def test_refuse_what_is_unclear(self, client, meter, query):
        assert client.get(f"/meters/{meter.pk}/intervals?{query}").status_code == 422


class TestStatus:
    def test_tells_what_is_known(self, client, meter):
        read_out(meter, 0, 100)
        MeterAlertFactory.create(meter=meter)

        data = client.get(f"/meters/{meter.pk}/status").json()["data"]

        assert data["last_reading"]["value"] == "0.100"
        assert data["open_alerts"][0]["kind"] == "communication_loss"
        assert data["open_command"] is None

    def test_of_a_silent_meter(self, client, meter):
        assert client.get(f"/meters/{meter.pk}/status").json()["data"]["last_reading"] is None


class TestAlerts:
    def test_are_handled_by_people(self, client, meter, manager):
        alert = MeterAlertFactory.create(meter=meter)
        path = f"/meter-alerts/{alert.pk}"

        seen = client.post(f"{path}/acknowledge", {})
        assert seen.json()["data"]["state"] == "acknowledged"
        assert client.post(f"{path}/acknowledge", {}).status_code == 409
        assert client.post(f"{path}/resolve", {}).status_code == 422
        done = client.post(f"{path}/resolve", {"note": "New antenna"})
        assert done.json()["data"]["state"] == "resolved"
        assert done.json()["data"]["handled_by"] == manager.username
        assert client.post(f"{path}/resolve", {"note": "x"}).status_code == 409

    def test_filter_and_hide(self, client, meter, estate):
        MeterAlertFactory.create(meter=meter, kind="leak", severity="critical")
        foreign = MeterAlertFactory.create()

        assert client.get("/meter-alerts").json()["total"] == 1
        assert client.get(f"/meter-alerts?severity=critical&meter={meter.pk}").json()["total"] == 1
        assert client.get("/meter-alerts?state=resolved").json()["total"] == 0
        assert client.get(f"/meter-alerts/{foreign.pk}").status_code == 404
        assert client.post(f"/meter-alerts/{foreign.pk}/acknowledge", {}).status_code == 404

    def test_are_only_seen_by_viewers(self, estate, meter):
        viewer = UserFactory.create(role=roles.VIEWER)
        estate.memberships.create(user=viewer)
        alert = MeterAlertFactory.create(meter=meter)

        response = Client(viewer).post(f"/meter-alerts/{alert.pk}/acknowledge", {})

        assert response.status_code == 403

    def test_are_listed_in_few_statements(self, client, estate, django_assert_max_num_queries):
        for _ in range(20):
            MeterAlertFactory.create(meter__estate=estate)
        client.get("/meter-alerts")

        with django_assert_max_num_queries(5):
            assert len(client.get("/meter-alerts").json()["data"]) == 20


class TestConcentrators:
    def test_are_kept(self, client, estate):
        body = {"estate": str(estate.pk), "serial": "DC1", "host": "10.0.0.5"}
        made = client.post("/concentrators", body)
        path = f"/concentrators/{made.json()['data']['id']}"

        assert made.status_code == 201
        assert client.patch(path, {"port": 70000}).status_code == 422
        assert client.patch(path, {"port": 4060}).json()["data"]["port"] == 4060
        assert client.patch(path, {"last_error": "x"}).status_code == 422
        assert client.post("/concentrators", body).status_code == 409
        assert client.delete(path).status_code == 403

    def test_tell_how_they_are(self, client, estate):
        concentrator = ConcentratorFactory.create(estate=estate)
        for number, state in enumerate(["online", "offline", "error"]):
            MeterFactory.create(
                estate=estate, concentrator=concentrator, logical_device=number,
                communication_status=state,
            )  # fmt: skip

        data = client.get(f"/concentrators/{concentrator.pk}/status").json()["data"]

        assert (data["meters"], data["meters_online"], data["meters_offline"]) == (3, 1, 2)

    def test_are_asked_for_a_round(self, client, estate):
        concentrator = ConcentratorFactory.create(estate=estate)
        path = f"/concentrators/{concentrator.pk}/collect"

        with patch("meters.tasks.collect.delay") as delay:
            response = client.post(path)
        assert response.status_code == 202
        delay.assert_called_once_with(concentrator_id=str(concentrator.pk))

        with patch("meters.tasks.collect.delay", side_effect=OperationalError):
            assert client.post(path).status_code == 503

        client.patch(f"/concentrators/{concentrator.pk}", {"is_enabled": False})
        assert client.post(path).json()["code"] == "concentrator_disabled"

    def test_are_asked_for_a_stretch_again(self, client, estate):
        concentrator = ConcentratorFactory.create(estate=estate)
        meter = MeterFactory.create(estate=estate, concentrator=concentrator, serial="E-7")
        stretch = {"from": "2025-07-01T00:00:00+02:00", "to": "2025-07-02T00:00:00+02:00"}

        with patch("meters.tasks.collect.delay") as delay:
            response = client.post(
                f"/concentrators/{concentrator.pk}/collect", {"meter": str(meter.pk), **stretch}
            )

        assert response.status_code == 202
        delay.assert_called_once_with(
            concentrator_id=str(concentrator.pk), serial="E-7",
            start="2025-07-01T00:00:00+02:00", end="2025-07-02T00:00:00+02:00",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            ({"to": "2025-07-02T00:00:00Z"}, "from"),
            ({"from": "2025-07-02T00:00:00Z", "to": "2025-07-02T00:00:00Z"}, "to"),
            ({"from": "2025-07-02T00:00:00Z", "to": "2126-07-02T00:00:00Z"}, "to"),
            ({"from": "2025-05-02T00:00:00Z", "to": "2025-07-02T00:00:00Z"}, "to"),
            ({"from": "2025-07-02T00:00:00"}, "from"),
            ({"meter": "another concentrator's"}, "meter"),
            ({"meter": "a foreign one"}, "meter"),
        ],
    )
    def test_are_not_asked_for_what_makes_no_sense(self, client, estate, asked, field):
        concentrator = ConcentratorFactory.create(estate=estate)
        meters = {
            "another concentrator's": MeterFactory.create(estate=estate, behind_concentrator=True),
            "a foreign one": MeterFactory.create(behind_concentrator=True),
        }
        if name := asked.get("meter"):
            asked = {"meter": str(meters[name].pk)}

        with patch("meters.tasks.collect.delay") as delay:
            response = client.post(f"/concentrators/{concentrator.pk}/collect", asked)

        assert response.status_code == 422
        assert [one["field"] for one in response.json()["errors"]] == [field]
        delay.assert_not_called()

    def test_of_foreign_estates_are_hidden(self, client):
        foreign = ConcentratorFactory.create()

        assert client.get(f"/concentrators/{foreign.pk}").status_code == 404
        assert client.post(f"/concentrators/{foreign.pk}/collect").status_code == 404
        assert client.get(f"/meters?concentrator={foreign.pk}").status_code == 404


class TestCommands:
    def test_are_asked_for_with_a_reason(self, client, estate):
        meter = MeterFactory.create(estate=estate, installed=True)
        path = f"/meters/{meter.pk}/commands"

        made = client.post(path, {"action": "disconnect", "reason": "Asked by the owner"})

        assert made.status_code == 202
        data = made.json()["data"]
        assert (data["state"], data["cause"]) == ("queued", "person")
        assert data["trace"] == [] or data["trace"]
        (listed,) = client.get(path).json()["data"]
        assert listed["id"] == data["id"]
        assert client.post(path, {"action": "disconnect"}).status_code == 422

    def test_need_a_relay(self, client, estate):
        meter = MeterFactory.create(estate=estate, has_relay=False)

        response = client.post(
            f"/meters/{meter.pk}/commands", {"action": "disconnect", "reason": "x"}
        )

        assert (response.status_code, response.json()["code"]) == (400, "no_relay")

    def test_do_not_meet_on_the_way(self, client, estate):
        meter = MeterFactory.create(estate=estate)
        path = f"/meters/{meter.pk}/commands"
        client.post(path, {"action": "reconnect", "reason": "x"})

        response = client.post(path, {"action": "disconnect", "reason": "x"})

        assert (response.status_code, response.json()["code"]) == (409, "command_open")


def test_decimals_stay_exact(client, meter):
    path = f"/meters/{meter.pk}/readings"
    client.post(path, {"taken_at": "2026-07-01T08:00:00+02:00", "value": 0.1})

    assert Decimal(client.get(path).json()["data"][0]["value"]) == Decimal("0.100")
