"""That the factories make what they say; other tests stand on them."""

import pytest

from accounts import roles
from accounts.tests.factories import PASSWORD, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.tests.factories import (
    CommandFactory,
    ConcentratorFactory,
    MeterAlertFactory,
    MeterFactory,
)
from rates.tests.factories import AssignmentFactory, RateTableFactory
from units.tests.factories import OccupancyFactory, UnitFactory
from wallets.tests.factories import WalletFactory

pytestmark = pytest.mark.django_db


class TestFactories:
    def test_make_a_person_of_a_role(self):
        user = UserFactory.create(role=roles.VIEWER)

        assert user.role.code == "viewer"
        assert user.check_password(PASSWORD)

    def test_make_an_estate_with_settings_and_members(self):
        user = UserFactory.create(role=roles.VIEWER)

        estate = EstateFactory.create(members=[user], settings__breaker_cuts=3)

        assert estate.settings.breaker_cuts == 3
        assert list(Estate.objects.visible_to(user)) == [estate]

    def test_make_the_wallet_of_a_unit(self):
        unit = UnitFactory.create()

        wallet = WalletFactory.create(unit=unit, is_suspended=True)

        assert wallet == unit.wallet
        assert wallet.is_suspended

    def test_make_an_installed_meter_with_its_register(self):
        unit = UnitFactory.create()

        meter = MeterFactory.create(
            estate=unit.estate,
            with_register=True,
            installed=True,
            installation__unit=unit,
            behind_concentrator=True,
        )

        assert meter.registers.get().obis == "1.0.1.8.0.255"
        assert meter.installations.get().unit == unit
        assert meter.concentrator.estate == unit.estate

    def test_make_rates_and_what_else_hangs_on_them(self):
        unit = UnitFactory.create()
        rate_table = RateTableFactory.create(utility="water")

        assignment = AssignmentFactory.create(unit=unit, rate_table=rate_table)

        assert rate_table.versions.get().number == 1
        assert assignment.utility == "water"
        assert assignment.estate == unit.estate

    def test_make_the_rest(self):
        assert OccupancyFactory.create().resident.estate_id
        assert ConcentratorFactory.create().pk
        assert MeterAlertFactory.create().meter.pk
        assert CommandFactory.create().meter.pk
