from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters import readings
from meters.readings import RawReading
from meters.tests.factories import MeterFactory
from quantify.periods import local_day
from quantify.tests.client import Client
from reports import estates
from units.models import Unit
from units.tests.factories import UnitFactory
from wallets import topups

pytestmark = pytest.mark.django_db


class TestStatistics:
    def test_of_an_estate_in_use(self):
        estate = EstateFactory.create()
        rich, _ = UnitFactory.create_batch(2, estate=estate)
        gone = UnitFactory.create(estate=estate, status="vacant")
        UnitFactory.create()
        topups.top_up(
            wallet_id=rich.wallet.pk, amount=Decimal(500), payment_method="eft",
            occurred_at=timezone.now(), actor=None,
        )  # fmt: skip
        topups.top_up(
            wallet_id=gone.wallet.pk, amount=Decimal(30), payment_method="eft",
            occurred_at=timezone.now(), actor=None,
        )  # fmt: skip
        Unit.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        MeterFactory.create(estate=estate)
        online = MeterFactory.create(estate=estate, with_register=True)
        bulk = MeterFactory.create(estate=estate, kind="bulk_electricity", with_register=True)
        at = datetime(2026, 7, 1, 6, tzinfo=UTC)
        readings.record(
            [
                RawReading(meter.pk, 1, at + timedelta(minutes=15 * number), value)
                for meter in (online, bulk)
                for number, value in enumerate((0, 1200, 2400))
            ],
            received_at=at + timedelta(hours=1),
        )

        found = estates.statistics(estate.pk, today=local_day(at))

        assert (found.units, found.occupied) == (2, 2)
        assert (found.meters, found.meters_offline) == (3, 1)
        assert (found.balance_total, found.low_balance_count) == (Decimal("530.00"), 1)
        assert found.consumption_today == {"electricity": 2400, "water": 0, "solar": 0}


class TestDetail:
    def test_shows_the_statistics(self, django_assert_max_num_queries):
        estate = EstateFactory.create()
        client = Client(UserFactory.create())
        client.get("/auth/me")

        with django_assert_max_num_queries(6):
            data = client.get(f"/estates/{estate.pk}").json()["data"]

        assert data["stats"] == {
            "units": 0, "occupied": 0, "meters": 0, "meters_offline": 0, "balance_total": "0.00",
            "low_balance_count": 0,
            "consumption_today": {"electricity": "0.000", "water": "0.000", "solar": "0.000"},
        }  # fmt: skip
