from decimal import Decimal

import pytest
from django.utils import timezone

from meters.models import Finding, MeterAlert
from meters.tests.factories import MeterAlertFactory, MeterFactory
from quantify.tests import world
from wallets.billing import runs, stakes
from wallets.models import Bill

pytestmark = pytest.mark.django_db


class TestPriceFindings:
    def finding(self, meter, quantity) -> Finding:
        now = timezone.now()
        return Finding.objects.create(
            meter=meter, channel=1, rule="spike", starts_at=now, ends_at=now,
            says="A spike.", quantity=quantity, last_seen_at=now,
        )  # fmt: skip

    def test_by_what_the_home_pays_for_a_unit_that_month(self):
        estate = world.build("STK", days=2)
        runs.bill(now=timezone.now())
        finding = self.finding(estate.meters[0], 2_000)
        bill = Bill.objects.order_by("month").last()

        assert stakes.price_findings() == 1

        finding.refresh_from_db()
        expected = 2_000 * bill.total / bill.consumption
        assert finding.amount == expected.quantize(Decimal("0.01"))
        assert finding.amount > 0
        assert stakes.price_findings() == 0

    def test_leaves_out_what_has_no_quantity_or_no_bill(self):
        estate = world.build("STK", days=2)
        finding = self.finding(estate.meters[0], None)

        assert stakes.price_findings() == 0

        finding.refresh_from_db()
        assert finding.amount is None


class TestPriceAlerts:
    def alert(self, meter, quantity):
        return MeterAlertFactory.create(
            meter=meter, kind="bypass", daily_quantity=quantity, message="About 2 kWh are missing."
        )

    def test_by_what_the_home_pays_for_a_unit(self):
        estate = world.build("STK", days=2)
        runs.bill(now=timezone.now())
        alert = self.alert(estate.meters[0], 12_000)
        bill = Bill.objects.order_by("month").last()

        assert stakes.price_alerts() == 1
        assert stakes.price_alerts() == 0

        alert.refresh_from_db()
        expected = 12_000 * bill.total / bill.consumption
        assert alert.daily_amount == expected.quantize(Decimal("0.01"))
        assert f"About R {alert.daily_amount:.0f} a day at its rate." in alert.says

    def test_says_nothing_of_rand_without_a_bill(self):
        alert = self.alert(MeterFactory.create(installed=True), 2_000)

        assert stakes.price_alerts() == 0

        alert.refresh_from_db()
        assert alert.says == "About 2 kWh are missing."

    def test_takes_back_what_is_known_no_more(self):
        alert = self.alert(MeterFactory.create(installed=True), None)
        MeterAlert.objects.update(daily_amount=Decimal(9))

        assert stakes.price_alerts() == 1

        alert.refresh_from_db()
        assert alert.daily_amount is None
