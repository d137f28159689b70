from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from meters.models import Finding, Meter, MeterAlert
from meters.tests.factories import MeterAlertFactory, MeterFactory
from rates.models import Assignment
from wallets.billing import runs, stakes
from wallets.tests.billing.test_billing import BLOCKS, JULY, metered_unit, noon
from wallets.tests.metering import count, use

DAY = date(2026, 7, 7)
NOW = noon(DAY)
TIME_OF_USE = [
    {"kind": "time_of_use", "prices": {"peak": "7.00", "standard": "2.00", "off_peak": "1.50"}}
]

pytestmark = pytest.mark.django_db


def home(used: str | None = "190", components=BLOCKS, **settings) -> Meter:
    """A home 10 kWh below the limit from which a kWh costs R3.00 instead of R2.00."""
    meter = metered_unit(components)
    for name, value in settings.items():
        setattr(meter.estate.settings, name, value)
    meter.estate.settings.save()
    if used:
        use(meter, DAY, used)
        runs.bill(now=NOW, since=JULY)
    return meter


def finding(meter: Meter, quantity: int | None, rule: str = "spike", at: datetime = NOW) -> Finding:
    return Finding.objects.create(
        meter=meter, channel=1, rule=rule, starts_at=at, ends_at=at, says="A spike.",
        quantity=quantity, last_seen_at=at,
    )  # fmt: skip


def alert(meter: Meter, quantity: int | None) -> MeterAlert:
    return MeterAlertFactory.create(
        meter=meter, kind="bypass", daily_quantity=quantity, message="About 2 kWh are missing."
    )


def told(one: Finding | MeterAlert) -> tuple[str | None, str]:
    one.refresh_from_db()
    amount = one.amount if isinstance(one, Finding) else one.daily_amount
    return amount if amount is None else str(amount), one.amount_basis


class TestPriceFindings:
    def test_by_the_last_units_where_they_were_counted(self):
        one = finding(home(), 20_000)

        assert stakes.price_findings(now=NOW) == 1
        assert stakes.price_findings(now=NOW) == 0

        basis = "The last 20.000 kWh at 190.000 kWh of July 2026: R 2.3000 a kWh, VAT included."
        assert told(one) == ("46.00", basis)

    @pytest.mark.parametrize("rule", ["bypass", "swapped", "prolonged_estimation"])
    def test_by_the_next_units_where_they_were_not(self, rule):
        one = finding(home(), 20_000, rule)

        stakes.price_findings(now=NOW)

        basis = "The next 20.000 kWh at 190.000 kWh of July 2026: R 2.8750 a kWh, VAT included."
        assert told(one) == ("57.50", basis)

    def test_by_what_there_is_where_more_was_found_than_the_month_used(self):
        one = finding(home("40"), 80_000)

        stakes.price_findings(now=NOW)

        basis = "The last 40.000 kWh at 40.000 kWh of July 2026: R 1.7250 a kWh, VAT included."
        assert told(one) == ("138.00", basis)

    def test_in_the_month_in_which_it_ended(self):
        meter = home("190")
        use(meter, date(2026, 6, 10), "300")
        one = finding(meter, 20_000, at=noon(date(2026, 6, 20)))

        stakes.price_findings(now=NOW)

        basis = "The last 20.000 kWh at 300.000 kWh of June 2026: R 3.4500 a kWh, VAT included."
        assert told(one) == ("69.00", basis)

    def test_leaves_out_what_has_no_quantity_no_unit_or_no_price(self):
        nothing = finding(home(), None)
        nowhere = finding(MeterFactory.create(), 1000)
        unpriced = home()
        Assignment.objects.filter(estate=unpriced.estate).delete()
        free = finding(unpriced, 1000)

        assert stakes.price_findings(now=NOW) == 0

        assert [told(one) for one in (nothing, nowhere, free)] == [(None, "")] * 3


class TestPriceAlerts:
    def test_by_the_next_units_of_the_home(self):
        one = alert(home(), 20_000)

        assert stakes.price_alerts(now=NOW) == 1
        assert stakes.price_alerts(now=NOW) == 0

        basis = "The next 20.000 kWh at 190.000 kWh of July 2026: R 2.8750 a kWh, VAT included."
        assert told(one) == ("57.50", basis)
        assert one.says == "About 2 kWh are missing. About R 58 a day at its rate."

    def test_with_the_markup_it_pays(self):
        meter = home()
        Assignment.objects.update(markup_percentage=Decimal(10))
        one = alert(meter, 20_000)

        stakes.price_alerts(now=NOW)

        assert told(one)[0] == "63.25"
        assert told(one)[1].endswith("R 3.1625 a kWh, markup and VAT included.")

    def test_without_vat_where_the_estate_charges_none(self):
        one = alert(home(vat_registered=False), 20_000)

        stakes.price_alerts(now=NOW)

        assert told(one)[0] == "50.00"
        assert told(one)[1].endswith("R 2.5000 a kWh, without VAT.")

    def test_at_the_homes_own_hours(self):
        meter = home(None, TIME_OF_USE)
        # Tuesday 01:00 and 06:30 local time: off peak and peak.
        count(meter, datetime(2026, 7, 6, 23, tzinfo=UTC), "3")
        count(meter, datetime(2026, 7, 7, 4, 30, tzinfo=UTC), "1")
        runs.bill(now=NOW, since=JULY)
        one = alert(meter, 8_000)

        stakes.price_alerts(now=NOW)

        # 6 kWh at R1.50 and 2 at R7.00.
        basis = (
            "The next 8.000 kWh at 4.000 kWh of July 2026, over the hours as the home's own use:"
            " R 3.3063 a kWh, VAT included."
        )
        assert told(one) == ("26.45", basis)

    def test_by_the_newest_month_that_used_anything(self):
        one = alert(home(), 20_000)

        stakes.price_alerts(now=noon(date(2026, 8, 3)))

        assert told(one)[1].startswith("The next 20.000 kWh at 190.000 kWh of July 2026")

    def test_says_nothing_of_rand_without_a_bill(self):
        one = alert(home(None), 2_000)

        assert stakes.price_alerts(now=NOW) == 0

        assert told(one) == (None, "")
        assert one.says == "About 2 kWh are missing."

    def test_takes_back_what_is_known_no_more(self):
        one = alert(MeterFactory.create(installed=True), None)
        MeterAlert.objects.update(daily_amount=Decimal(9), amount_basis="By a bill.")

        assert stakes.price_alerts(now=NOW) == 1

        assert told(one) == (None, "")
