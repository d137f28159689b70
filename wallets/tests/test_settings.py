"""Each setting of an estate, told to the database, is what the code asks for."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as project
from django.contrib import admin
from django.utils import timezone

from estates.api.serializers import EstateSettingsSerializer
from estates.models import EstateSettings
from meters import partitions
from meters.models import Meter
from meters.tests.factories import MeterFactory
from rates.tests.factories import flat
from units.tests.factories import UnitFactory
from wallets import topups
from wallets.billing import runs
from wallets.credit import supplies
from wallets.credit.policy import Facts
from wallets.models import Transaction, Wallet
from wallets.tests.billing.test_billing import JULY, metered_unit
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db

NAMES = {field.name for field in EstateSettings._meta.fields} - {
    "id", "estate", "created_at", "updated_at",
}  # fmt: skip


class TestEverySetting:
    def test_is_in_the_api(self):
        assert set(EstateSettingsSerializer.Meta.fields) >= NAMES

    def test_is_in_the_portal(self):
        page = admin.site._registry[EstateSettings]
        shown = {name for _, options in page.fieldsets for name in options["fields"]}

        assert shown - {"estate"} == NAMES

    def test_is_documented(self):
        words = (Path(project.BASE_DIR) / "docs/settings.md").read_text()

        assert not [name for name in NAMES if f"`{name}`" not in words]


class TestCreditControl:
    @pytest.mark.parametrize(
        ("setting", "fact", "expected"),
        [
            ({"automatic_disconnection": False}, "automatic", False),
            ({"disconnect_window": "office_hours"}, "office_hours", True),
            ({"reading_freshness_minutes": 90}, "freshness", timedelta(minutes=90)),
            ({"activation_minimum": Decimal("35.00")}, "activation_minimum", Decimal("35.00")),
            ({"breaker_cuts": 4}, "breaker_cuts", 4),
            ({"breaker_percent": Decimal("7.50")}, "breaker_percent", Decimal("7.50")),
        ],
    )
    def test_asks_the_estate(self, setting: dict[str, object], fact: str, expected: object):
        before = getattr(self.facts(), fact)

        EstateSettings.objects.update(**setting)

        assert before != expected
        assert getattr(self.facts(), fact) == expected

    def facts(self) -> Facts:
        now = timezone.now()
        partitions.ensure(now.date(), now.date())
        if not Meter.objects.exists():
            unit = UnitFactory.create()
            MeterFactory.create(
                estate=unit.estate, with_register=True, installed=True, installation__unit=unit
            )
        return supplies.facts(now=now)[0]


class TestTopUps:
    @pytest.mark.parametrize(
        ("setting", "refusal"),
        [
            ({"topup_minimum": Decimal("60.00")}, topups.BelowMinimum),
            ({"topup_maximum": Decimal("40.00")}, topups.AboveMaximum),
        ],
    )
    def test_are_bounded_by_the_estate(self, setting: dict[str, object], refusal: type[Exception]):
        wallet = Wallet.objects.get(unit=UnitFactory.create())
        topups.preview(wallet=wallet, amount=Decimal("50.00"))

        EstateSettings.objects.update(**setting)

        with pytest.raises(refusal):
            topups.preview(wallet=wallet, amount=Decimal("50.00"))


class TestBillingCadence:
    DAY = date(2026, 7, 3)

    def charged(self, cadence: str, *moments: tuple[int, int]) -> int:
        """How many charges come of consumption that grows before each moment of a UTC day."""
        meter = metered_unit(flat("2.00"))
        EstateSettings.objects.update(billing_cadence=cadence)
        for number, (hour, minute) in enumerate(moments, start=1):
            use(meter, self.DAY, str(10 * number))
            runs.bill(now=datetime(2026, 7, 3, hour, minute, tzinfo=UTC), since=JULY)
        return Transaction.objects.filter(kind="consumption_electricity").count()

    def test_is_each_collection_unless_said_otherwise(self):
        assert self.charged("collection", (8, 0), (8, 15), (8, 30)) == 3

    def test_hourly_charges_once_in_a_clock_hour(self):
        assert self.charged("hourly", (8, 0), (8, 15), (8, 59), (9, 1)) == 2

    def test_daily_charges_once_in_a_local_day(self):
        # 22:00 UTC is midnight in South Africa.
        assert self.charged("daily", (8, 0), (21, 59), (22, 1)) == 2

    def test_what_was_put_off_is_charged_whole(self):
        self.charged("hourly", (8, 0), (8, 15), (8, 59), (9, 1))

        amounts = Transaction.objects.values_list("amount", flat=True)
        assert sum(amounts) == Decimal("92.00")
