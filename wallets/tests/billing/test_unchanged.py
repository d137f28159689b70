"""A run with nothing to do asks for one digest; whatever changes the facts changes it."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from estates.models import Estate, EstateSettings
from meters.models import Installation, Meter
from quantify.tests.crowd import at_once
from rates.models import Assignment
from rates.tests.factories import flat
from wallets import ledger
from wallets.billing import runs, unchanged
from wallets.models import BilledFacts, Transaction
from wallets.tests.billing.test_billing import JULY, metered_unit, noon, wallet_of
from wallets.tests.billing.test_rating import charged
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db

THIRD = date(2026, 7, 3)


def run(*, days: int = 0) -> runs.Run:
    return runs.bill(now=noon(THIRD) + timedelta(days=days), since=JULY)


def later(meter: Meter) -> None:
    use(meter, THIRD, "12")


def earlier(meter: Meter) -> None:
    use(meter, date(2026, 7, 1), "12")


def markup(meter: Meter) -> None:
    for one in Assignment.objects.all():
        one.markup_percentage = Decimal(10)
        one.save()


def vat(meter: Meter) -> None:
    EstateSettings.objects.filter(estate=meter.estate).update(vat_registered=False)


class TestRun:
    @pytest.fixture
    def meter(self) -> Meter:
        meter = metered_unit(flat("2.00"))
        use(meter, THIRD, "10")
        assert run().charged == 1
        return meter

    def test_asks_for_no_bill_if_nothing_changed(self, meter: Meter):
        with CaptureQueriesContext(connection) as told:
            assert run() == runs.Run()

        assert len(told) == 2

    @pytest.mark.parametrize("change", [later, earlier, markup, vat])
    def test_looks_again_at_what_changed(self, meter: Meter, change: Callable[[Meter], None]):
        change(meter)

        assert run().priced == 1

    def test_looks_again_on_a_new_day(self, meter: Meter):
        assert run(days=1).priced == 1

    def test_looks_again_after_a_run_that_could_not_price(self, meter: Meter):
        Assignment.objects.all().delete()

        assert (run().refused, run().refused) == (1, 1)

    def test_forgets_without_harm(self, meter: Meter):
        BilledFacts.objects.all().delete()

        assert run() == runs.Run()
        assert BilledFacts.objects.count() == 1

    def test_an_estate_charged_once_an_hour_is_looked_at_in_the_next(self, meter: Meter):
        EstateSettings.objects.filter(estate=meter.estate).update(billing_cadence="hourly")
        use(meter, THIRD, "20")
        assert run().charged == 0

        told = runs.bill(now=noon(THIRD) + timedelta(hours=1), since=JULY)

        assert told.charged == 1


@pytest.mark.django_db(transaction=True)
class TestCrash:
    def test_before_the_charges_commit_leaves_them_to_the_next_run(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        use(metered_unit(flat("2.00")), THIRD, "10")
        with monkeypatch.context() as broken:
            broken.setattr(runs.charges, "store", self.killed)
            with pytest.raises(InterruptedError):
                run()

        assert run().charged == 1

    def test_a_busy_wallet_is_left_to_the_next_run(self, monkeypatch: pytest.MonkeyPatch):
        meter = metered_unit(flat("2.00"))
        use(meter, THIRD, "10")
        with transaction.atomic():
            ledger.lock([wallet_of(meter).pk])
            (told,) = at_once(lambda _: run(), times=1, threads=1)
        assert isinstance(told, runs.Run)
        assert told.busy == 1

        assert run().charged == 1

    def killed(self, *_: object, **__: object) -> None:
        raise InterruptedError


@pytest.mark.django_db(transaction=True)
class TestRates:
    def test_that_commit_while_a_run_prices_are_found_by_the_next(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        """The markup was written before the bill and committed after it: instants say nothing."""
        meter = metered_unit(flat("2.00"))
        use(meter, THIRD, "10")
        with transaction.atomic():
            markup(meter)
            (told,) = at_once(lambda _: run(), times=1, threads=1)
        assert isinstance(told, runs.Run)
        assert (told.charged, charged()) == (1, ["23.00"])

        run()

        assert charged() == ["23.00", "2.30"]
        assert Transaction.objects.count() == 2


class TestDigest:
    @pytest.mark.parametrize(
        "rows",
        [
            pytest.param(Estate.objects, id="estates"),
            pytest.param(EstateSettings.objects, id="settings"),
            pytest.param(Installation.objects, id="installations"),
        ],
    )
    def test_tells_two_versions_of_a_row_in_one_database_transaction_apart(self, rows):
        metered_unit(flat("2.00"))
        before = unchanged.digest(now=noon(THIRD), first_month=JULY)

        rows.update(updated_at=noon(THIRD))

        assert unchanged.digest(now=noon(THIRD), first_month=JULY) != before
