"""Network servers and LoRaWAN devices in the portal."""

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters.lorawan import em300_di
from meters.lorawan.em300_di import Pulses
from meters.models import LoraDevice, NetworkServer, Reading
from meters.radio import servers
from meters.tests.factories import LoraDeviceFactory, MeterFactory, UplinkFactory

pytestmark = pytest.mark.django_db


def browser_of(estate, role=roles.PROPERTY_MANAGER):
    user = UserFactory.create(role=role)
    estate.memberships.create(user=user)
    browser = Browser()
    browser.force_login(user, backend="accounts.backends.RoleBackend")
    return browser


class TestNetworkServer:
    def test_is_added_with_a_secret_shown_once(self):
        estate = EstateFactory.create()
        url = reverse("admin:meters_networkserver_add")
        browser = browser_of(estate)

        answer = browser.post(
            url, {"estate": estate.pk, "name": "ChirpStack", "is_enabled": "on"}, follow=True
        )

        server = NetworkServer.objects.get()
        secret = answer.content.decode().split("X-Quantify-Secret: ")[1].split("<")[0].strip()
        assert servers.recognise(secret, now=timezone.now()) == server
        page = browser.get(reverse("admin:meters_networkserver_change", args=[server.pk]))
        assert secret not in page.content.decode()

    def test_gets_a_new_secret(self):
        server, _ = servers.register(estate=EstateFactory.create(), name="ChirpStack")
        url = reverse("admin:meters_networkserver_new_secret", args=[server.pk])
        browser = browser_of(server.estate)

        assert "24 hours" in browser.get(url).content.decode()
        assert browser.post(url).status_code == 302

        server.refresh_from_db()
        assert server.previous_until is not None
        assert browser_of(server.estate, roles.VIEWER).post(url).status_code == 403
        assert browser_of(EstateFactory.create()).post(url).status_code == 404


class TestApiKey:
    def page(self, server):
        return reverse("admin:meters_networkserver_change", args=[server.pk])

    def filled(self, server, **changes):
        return {
            "estate": server.estate.pk, "name": server.name, "is_enabled": "on",
            "api_address": "https://chirpstack.example:8080", "api_key": "a-very-secret-key",
        } | changes  # fmt: skip

    def test_is_typed_in_and_never_shown(self):
        server, _ = servers.register(estate=EstateFactory.create(), name="ChirpStack")
        browser = browser_of(server.estate)

        assert browser.post(self.page(server), self.filled(server)).status_code == 302

        server.refresh_from_db()
        assert servers.network(server).api_key == "a-very-secret-key"
        assert "a-very-secret-key" not in browser.get(self.page(server)).content.decode()
        trail = AuditEntry.objects.filter(object_id=server.pk, action="update")
        assert [one.after for one in trail] == [{"api_address": "https://chirpstack.example:8080"}]

    def test_left_empty_stays_and_goes_with_its_address(self):
        server, _ = servers.register(estate=EstateFactory.create(), name="ChirpStack")
        browser = browser_of(server.estate)
        browser.post(self.page(server), self.filled(server))

        assert (
            browser.post(
                self.page(server), self.filled(server, api_key="", name="Mast 2")
            ).status_code
            == 302
        )
        server.refresh_from_db()
        assert (server.name, servers.network(server).api_key) == ("Mast 2", "a-very-secret-key")

        elsewhere = self.filled(server, api_key="", api_address="https://elsewhere.example")
        answer = browser.post(self.page(server), elsewhere)
        assert "Give the API key for the new address too." in answer.content.decode()
        server.refresh_from_db()
        assert server.api_address == "https://chirpstack.example:8080"

        gone = self.filled(server, api_key="", api_address="")
        assert browser.post(self.page(server), gone).status_code == 302
        server.refresh_from_db()
        assert (server.api_address, server.api_sealed) == ("", "")

    @pytest.mark.parametrize("address", ["chirpstack.example", "file:///etc/passwd"])
    def test_needs_an_address(self, address):
        server, _ = servers.register(estate=EstateFactory.create(), name="ChirpStack")

        answer = browser_of(server.estate).post(
            self.page(server), self.filled(server, api_address=address)
        )

        assert "Write the address as" in answer.content.decode()
        server.refresh_from_db()
        assert server.api_sealed == ""

    def test_is_said_to_be_impossible_where_nothing_can_be_encrypted(self, settings):
        settings.SEALING_SECRETS = []
        server, _ = servers.register(estate=EstateFactory.create(), name="ChirpStack")

        answer = browser_of(server.estate).post(self.page(server), self.filled(server))

        assert "SEALING_SECRETS" in answer.content.decode() or answer.status_code == 302
        server.refresh_from_db()
        assert (server.api_address, server.api_sealed) == ("", "")


class TestDevice:
    def filled(self, meter, **changes):
        return {
            "meter": str(meter.pk),
            "model": "em300_di",
            "litres": "10",
            "pulses": "1",
            "base": "0.500",
            "offline_after_minutes": "120",
        } | changes

    def test_is_registered_and_what_it_sent_is_read(self):
        device = LoraDeviceFactory.create()
        UplinkFactory.create(
            device=device, payload=em300_di.encode([Pulses(7)]), heard_at=timezone.now()
        )
        meter = MeterFactory.create(
            estate=device.server.estate, kind="water", with_register=True, has_relay=False
        )
        browser = browser_of(meter.estate)
        url = reverse("admin:meters_loradevice_register_meter", args=[device.pk])

        assert meter.serial in browser.get(url).content.decode()
        assert browser.post(url, self.filled(meter)).status_code == 302

        assert Reading.objects.get().value == 570
        device.refresh_from_db()
        assert (device.meter, device.offline_after_minutes) == (meter, 120)
        uplink = reverse("admin:meters_uplink_change", args=[device.uplinks.get().pk])
        assert "Counted 7" in browser.get(uplink).content.decode()

        release = reverse("admin:meters_loradevice_release", args=[device.pk])
        assert browser.get(release).status_code == 200
        assert browser.post(release).status_code == 302
        assert LoraDevice.objects.unknown().get() == device

    def test_is_not_registered_for_a_foreign_meter(self):
        device = LoraDeviceFactory.create()
        foreign = MeterFactory.create(kind="water", with_register=True)
        url = reverse("admin:meters_loradevice_register_meter", args=[device.pk])

        answer = browser_of(device.server.estate).post(url, self.filled(foreign))

        assert answer.status_code == 200
        assert "meter" in answer.context["form"].errors
        assert browser_of(device.server.estate, roles.VIEWER).get(url).status_code == 403
        assert browser_of(foreign.estate).get(url).status_code == 404
