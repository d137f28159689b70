"""Alerts, collection, meters and where they hang, in the portal."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.admin import devices
from meters.models import Installation, Meter, MeterAlert, Reading, Register
from meters.tests.factories import ConcentratorFactory, MeterAlertFactory, MeterFactory
from meters.tests.recording import record
from quantify.periods import floor_to_interval
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db


def client_of(role: str, estate: object) -> Client:
    user = UserFactory.create(role=role)
    estate.memberships.create(user=user)  # type: ignore[attr-defined]
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


class TestAlert:
    def test_is_acknowledged_and_resolved_with_a_note(self):
        alert = MeterAlertFactory.create()
        client = client_of(roles.PROPERTY_MANAGER, alert.meter.estate)
        for name in ("acknowledge", "resolve"):
            url = reverse(f"admin:meters_meteralert_{name}", args=[alert.pk])
            assert client.post(url, {"note": f"{name}d by the plumber"}).status_code == 302

        alert.refresh_from_db()
        assert alert.state == MeterAlert.State.RESOLVED
        assert alert.note == "resolved by the plumber"
        assert alert.handled_by is not None

    def test_says_what_it_means_what_to_do_and_what_was_seen(self):
        alert = MeterAlertFactory.create(
            kind="leak", message="Leak at A-12.", evidence=["Water ran for 3 nights."],
            daily_amount=Decimal("41.20"),
        )  # fmt: skip
        client = client_of(roles.VIEWER, alert.estate)

        page = client.get(reverse("admin:meters_meteralert_change", args=[alert.pk]))

        shown = page.content.decode()
        assert "Leak at A-12. About R 41 a day at its rate." in shown
        assert "Tell the resident" in shown
        assert "Water ran for 3 nights." in shown
        rows = client.get(reverse("admin:meters_meteralert_changelist"))
        assert "Leak at A-12." in rows.content.decode()

    def test_is_left_alone_by_viewers(self):
        alert = MeterAlertFactory.create()
        client = client_of(roles.VIEWER, alert.meter.estate)
        url = reverse("admin:meters_meteralert_resolve", args=[alert.pk])

        assert client.post(url, {"note": "x"}).status_code == 403
        alert.refresh_from_db()
        assert alert.state == MeterAlert.State.OPEN


class TestCollectNow:
    def test_asks_for_one_concentrator(self, monkeypatch: pytest.MonkeyPatch):
        asked: list[dict[str, str]] = []
        monkeypatch.setattr(devices.collect, "delay", lambda **ids: asked.append(ids))
        concentrator = ConcentratorFactory.create()
        url = reverse("admin:meters_concentrator_collect_now", args=[concentrator.pk])

        client = client_of(roles.PROPERTY_MANAGER, concentrator.estate)
        client.get(url)
        assert asked == []
        client.post(url)
        assert asked == [{"concentrator_id": str(concentrator.pk)}]

    def test_is_refused_to_viewers(self):
        concentrator = ConcentratorFactory.create()
        url = reverse("admin:meters_concentrator_collect_now", args=[concentrator.pk])

        assert client_of(roles.VIEWER, concentrator.estate).post(url).status_code == 403


class TestMeter:
    def test_is_added_with_its_register(self):
        estate = UnitFactory.create().estate
        sent = {
            "estate": estate.pk,
            "serial": "LG-1",
            "kind": "electricity",
            "communication_type": "plc",
            "maximum_per_interval": "5760",
            "installations-TOTAL_FORMS": "0",
            "installations-INITIAL_FORMS": "0",
            "registers-TOTAL_FORMS": "0",
            "registers-INITIAL_FORMS": "0",
        }

        answer = client_of(roles.PROPERTY_MANAGER, estate).post(
            reverse("admin:meters_meter_add"), sent
        )

        assert answer.status_code == 302
        assert Meter.objects.get(serial="LG-1").registers.count() == 1

    def test_is_deleted_only_when_it_hangs_nowhere(self):
        meter = MeterFactory.create(installed=True)
        client = client_of(roles.PROPERTY_MANAGER, meter.estate)
        url = reverse("admin:meters_meter_delete", args=[meter.pk])

        kept = client.post(url, {"post": "yes"}, follow=True)

        assert "remove it with its closing register first" in kept.content.decode()
        meter.refresh_from_db()
        assert meter.deleted_at is None
        meter.installations.update(ends_at=timezone.now())
        client.post(url, {"post": "yes"})
        meter.refresh_from_db()
        assert meter.deleted_at is not None

    def test_keeps_those_it_was_chosen_with(self):
        hanging = MeterFactory.create(installed=True)
        stored = MeterFactory.create(estate=hanging.estate)
        client = client_of(roles.PROPERTY_MANAGER, hanging.estate)
        chosen = {"action": "delete_selected", "post": "yes"}

        kept = client.post(
            reverse("admin:meters_meter_changelist"),
            {**chosen, "_selected_action": [hanging.pk, stored.pk]},
            follow=True,
        )

        assert f"Nothing was deleted. Meter {hanging.serial} hangs" in kept.content.decode()
        assert Meter.objects.filter(deleted_at=None).count() == 2
        client.post(
            reverse("admin:meters_meter_changelist"), {**chosen, "_selected_action": stored.pk}
        )
        assert Meter.objects.get(deleted_at=None) == hanging


class TestRegister:
    def test_is_deleted_only_before_it_counted(self):
        meter = MeterFactory.create(with_register=True)
        url = reverse("admin:meters_register_delete", args=[meter.registers.get().pk])
        client = client_of(roles.SUPER_ADMIN, meter.estate)
        record(meter, {0: 1000})

        kept = client.post(url, {"post": "yes"}, follow=True)

        assert "its register stays with it" in kept.content.decode()
        assert meter.registers.exists()
        Reading.objects.all().delete()
        client.post(url, {"post": "yes"})
        assert not meter.registers.exists()

    def test_stays_that_of_its_meter_and_channel(self):
        meter, other = MeterFactory.create(with_register=True), MeterFactory.create()
        register = meter.registers.get()
        url = reverse("admin:meters_register_change", args=[register.pk])

        client_of(roles.SUPER_ADMIN, meter.estate).post(
            url,
            {
                "meter": other.pk,
                "channel": Register.Channel.EXPORT,
                "obis": "1.0.2.8.0.255",
                "profile_obis": register.profile_obis,
                "span": register.span,
            },
        )

        register.refresh_from_db()
        assert (register.meter_id, register.channel) == (meter.pk, Register.Channel.IMPORT)
        assert register.obis == "1.0.2.8.0.255"


class TestInstallation:
    def sent(self, meter: Meter, unit: object, minutes: int = 0) -> dict[str, object]:
        at = timezone.localtime(floor_to_interval(timezone.now()) - timedelta(hours=1))
        at += timedelta(minutes=minutes)
        return {
            "meter": meter.pk,
            "unit": unit.pk,  # type: ignore[attr-defined]
            "starts_at_0": f"{at:%Y-%m-%d}",
            "starts_at_1": f"{at:%H:%M:%S}",
            "opening_value": "12000",
        }

    def test_puts_a_meter_up(self):
        meter = MeterFactory.create(with_register=True)
        unit = UnitFactory.create(estate=meter.estate)
        client = client_of(roles.PROPERTY_MANAGER, meter.estate)

        client.post(reverse("admin:meters_installation_add"), self.sent(meter, unit))

        made = Installation.objects.get()
        assert (made.kind, made.unit, made.opening_value) == ("electricity", unit, 12000)

    def test_says_why_it_is_refused(self):
        meter = MeterFactory.create(with_register=True)
        unit = UnitFactory.create(estate=meter.estate)
        client = client_of(roles.PROPERTY_MANAGER, meter.estate)
        url = reverse("admin:meters_installation_add")

        answer = client.post(url, self.sent(meter, unit, minutes=7), follow=True)

        assert "Give a quarter hour" in answer.content.decode()
        assert not Installation.objects.exists()

    def test_ends_with_its_closing_register_only(self):
        meter = MeterFactory.create(with_register=True, installed=True)
        made = meter.installations.get()
        client = client_of(roles.SUPER_ADMIN, meter.estate)
        url = reverse("admin:meters_installation_change", args=[made.pk])

        answer = client.post(url, {"ends_at_0": "", "ends_at_1": "", "closing_value": "5"})

        assert answer.context["adminform"].form.errors["ends_at"]
        assert 'value="5"' in answer.content.decode()

    def test_refuses_a_unit_that_has_such_a_meter(self):
        meter = MeterFactory.create(with_register=True)
        unit = UnitFactory.create(estate=meter.estate)
        MeterFactory.create(estate=meter.estate, installed=True, installation__unit=unit)
        client = client_of(roles.PROPERTY_MANAGER, meter.estate)

        answer = client.post(
            reverse("admin:meters_installation_add"), self.sent(meter, unit), follow=True
        )

        assert answer.status_code == 200
        assert Installation.objects.filter(meter=meter).count() == 0
