"""The stages run by hand: what operators are told, and that bad names change nothing."""

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from meters import partitions
from meters.models import Command, Meter
from meters.tests.factories import MeterFactory
from rates.tests.factories import flat
from units.tests.factories import UnitFactory
from wallets.models import Transaction
from wallets.tests.billing.test_billing import metered_unit
from wallets.tests.metering import use

pytestmark = pytest.mark.django_db


def told(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


class TestBill:
    def test_says_what_it_charged_and_the_second_time_nothing(self):
        use(metered_unit(flat("2.00")), date(2026, 7, 3), "10")

        first = told("bill", "--since", "2026-07-01")

        assert "1 charges posted, R23.00 in sum" in first
        assert "0 charges posted" in told("bill", "--since", "2026-07-01")

    def test_charges_one_unit_alone(self):
        meters = [metered_unit(flat("2.00")) for _ in range(2)]
        for meter in meters:
            use(meter, date(2026, 7, 3), "10")
        unit = meters[0].installations.get().unit

        told(
            "bill", "--since", "2026-07-01", "--estate", unit.estate.code,
            "--unit", unit.unit_number,
        )  # fmt: skip

        assert Transaction.objects.get().wallet.unit == unit

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--unit", "A-1"], "Name the estate"),
            (["--estate", "NONE"], "There is no such unit"),
        ],
    )
    def test_names_what_is_wrong(self, words: list[str], says: str):
        with pytest.raises(CommandError, match=says):
            told("bill", *words)


class TestControlCredit:
    @pytest.fixture
    def meter(self) -> Meter:
        """An electricity meter at a unit with an empty wallet, read a minute ago."""
        now = timezone.now()
        partitions.ensure(now.date(), now.date())
        unit = UnitFactory.create(unit_number="A-103")
        return MeterFactory.create(
            estate=unit.estate, with_register=True, installed=True, installation__unit=unit,
            behind_concentrator=True, relay_state=Meter.RelayState.CONNECTED,
            last_reading_at=now - timedelta(minutes=1),
        )  # fmt: skip

    def test_a_dry_run_says_who_is_spared_and_why(self, meter: Meter):
        text = told("control_credit", "--dry-run")

        assert f"A-103 ({meter.serial}) is spared: would disconnect" in text
        assert "REFUSED  warning: No warning reached the resident yet." in text
        assert "0 would be switched, 1 are spared." in text
        assert not Command.objects.exists()

    def test_warns_before_anybody_is_cut(self, meter: Meter):
        assert "1 warned, 0 commands, 1 spared." in told("control_credit")
        assert not Command.objects.exists()
