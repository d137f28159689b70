"""A list of homes shows their meters and wallets as these are shown alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.api.serializers import METER_FIELDS
from meters.models import Meter
from meters.tests.factories import InstallationFactory, MeterFactory
from quantify.tests.client import Client
from units.models import Unit
from units.tests.factories import UnitFactory
from wallets.models import Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return Client(UserFactory.create(role=roles.SUPER_ADMIN))


def meter_at(unit: Unit, kind: str = "electricity", **fields: object) -> Meter:
    return MeterFactory.create(
        estate=unit.estate, kind=kind, installed=True, installation__unit=unit, **fields
    )


class TestList:
    def test_shows_what_the_meters_and_wallets_show_alone(self, client):
        unit = UnitFactory.create()
        expected = [meter_at(unit, kind) for kind in ("electricity", "water")]

        (shown,) = client.get("/api/v1/units").json()["data"]

        alone = [client.get(f"/api/v1/meters/{one.pk}").json()["data"] for one in expected]
        names = set(METER_FIELDS) - {"unit"}
        assert shown["meters"] == [{name: one[name] for name in names} for one in alone]
        wallet = client.get(f"/api/v1/wallets/{unit.wallet.pk}").json()["data"]
        assert shown["wallet"] == {name: wallet[name] for name in shown["wallet"]}
        assert client.get(f"/api/v1/units/{unit.pk}").json()["data"].items() >= shown.items()

    def test_shows_each_home_its_own(self, client):
        units = [UnitFactory.create(unit_number=f"A{number}") for number in range(3)]
        hanging = {unit.pk: [str(meter_at(unit).pk)] for unit in units[:2]}

        shown = client.get("/api/v1/units").json()["data"]

        assert {one["id"]: [meter["id"] for meter in one["meters"]] for one in shown} == {
            str(unit.pk): hanging.get(unit.pk, []) for unit in units
        }
        wallets = {str(one.unit_id): str(one.pk) for one in Wallet.objects.all()}
        assert {one["id"]: one["wallet"]["id"] for one in shown} == wallets

    @pytest.mark.parametrize(
        ("starts", "ends", "hangs"),
        [
            pytest.param(-2, None, True, id="since then"),
            pytest.param(-2, 1, True, id="until tomorrow"),
            pytest.param(-2, -1, False, id="taken down yesterday"),
            pytest.param(1, None, False, id="from tomorrow"),
        ],
    )
    def test_shows_what_hangs_now(self, client, starts, ends, hangs):
        unit, now = UnitFactory.create(), timezone.now()
        InstallationFactory.create(
            meter=MeterFactory.create(estate=unit.estate),
            unit=unit,
            starts_at=now + timedelta(days=starts),
            ends_at=None if ends is None else now + timedelta(days=ends),
        )

        (shown,) = client.get("/api/v1/units").json()["data"]

        assert len(shown["meters"]) == hangs
