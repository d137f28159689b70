from decimal import Decimal

import pytest
from django.utils import timezone

from meters.models import Finding
from quantify.tests import world
from wallets import billing, stakes
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
        billing.run(now=timezone.now())
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
