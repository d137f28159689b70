"""Deleting units: only what nobody lives in, hangs at or owes, whatever happens at that moment."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client as DjangoClient
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.test_api_keys import manager_of
from meters import installations
from meters.models import Installation, Meter
from meters.tests.factories import MeterFactory
from quantify.periods import floor_to_interval, local_day
from quantify.tests.client import Client
from quantify.tests.crowd import held_up
from units import occupancies
from units.models import Occupancy, Unit
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory
from wallets import ledger, topups
from wallets.models import Transaction, Wallet
from wallets.office import retirement
from wallets.office.retirement import UnitInUse
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.tests.test_topups import owe

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def unit() -> Unit:
    return UnitFactory.create(unit_number="A-101")


def retire(unit: Unit) -> None:
    retirement.retire(unit_id=unit.pk, at=timezone.now())


def is_kept(unit: Unit) -> bool:
    return Unit.objects.alive().filter(pk=unit.pk).exists()


def today() -> date:
    return local_day(timezone.now())


def lived_in(unit: Unit, **fields: Any) -> Occupancy:
    made: Occupancy = OccupancyFactory.create(unit=unit, **fields)
    return made


def meter_of(unit: Unit) -> Meter:
    made: Meter = MeterFactory.create(estate=unit.estate, installed=True, installation__unit=unit)
    return made


class TestUnit:
    def test_is_archived_when_nothing_is_left_of_it(self, unit: Unit):
        lived_in(unit, ends_on=today())
        meter_of(unit).installations.update(ends_at=timezone.now(), closing_value=2_000_000)

        retire(unit)

        assert not is_kept(unit)

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({}, id="today"),
            pytest.param({"starts_on": date(2126, 1, 1)}, id="to come"),
            pytest.param({"kind": "owner"}, id="owned"),
        ],
    )
    def test_stays_while_somebody_lives_there(self, unit: Unit, fields: dict[str, Any]):
        lived_in(unit, **fields)

        with pytest.raises(UnitInUse, match="end the occupancy first"):
            retire(unit)

        assert is_kept(unit)

    def test_stays_while_a_meter_hangs_there(self, unit: Unit):
        meter_of(unit)

        with pytest.raises(UnitInUse, match="A meter hangs there: remove it"):
            retire(unit)

        assert is_kept(unit)

    @pytest.mark.parametrize("utility", ["", "electricity"])
    def test_stays_while_money_is_in_its_wallet(self, unit: Unit, utility: str):
        top_up(unit.wallet, "500.00", utility=utility)

        with pytest.raises(UnitInUse, match="Money is in its wallet: pay it back first"):
            retire(unit)

        assert is_kept(unit)

    def test_stays_while_something_is_owed(self, unit: Unit):
        owe(unit.wallet, water="10.00", arrears="20.00")

        with pytest.raises(UnitInUse, match="Money is owed: settle it first"):
            retire(unit)

    def test_stays_while_what_is_held_and_owed_add_up_to_nothing(self, unit: Unit):
        top_up(unit.wallet, "40.00", utility="electricity")
        owe(unit.wallet, water="40.00", arrears="5.00")
        assert Wallet.objects.get(unit=unit).balance == 0

        with pytest.raises(UnitInUse, match=r"Money is in its wallet.* Money is owed"):
            retire(unit)


class TestApi:
    def test_says_all_that_holds_a_unit(self, unit: Unit):
        client = Client(manager_of(unit.estate))
        lived_in(unit)
        meter_of(unit)
        top_up(unit.wallet, "500.00")

        answer = client.delete(f"/units/{unit.pk}")

        assert (answer.status_code, answer.json()["code"]) == (409, "unit_in_use")
        assert answer.json()["detail"] == (
            "A-101 cannot be deleted. Somebody lives there or owns it, or is going to: end the "
            "occupancy first. A meter hangs there: remove it with its closing register first. "
            "Money is in its wallet: pay it back first."
        )
        assert client.get(f"/units/{unit.pk}").status_code == 200

    def test_deletes_once_it_was_emptied(self, unit: Unit):
        top_up(unit.wallet, "500.00")
        back = {"amount": "500.00", "payment_method": "eft", "reason": "Merged with A-102"}
        biller = Client(manager_of(unit.estate, role=roles.BILLING_ADMIN))
        assert biller.post(f"/wallets/{unit.wallet.pk}/refund", back).status_code == 201

        assert Client(manager_of(unit.estate)).delete(f"/units/{unit.pk}").status_code == 204

    @pytest.mark.parametrize("deleted", ["unit", "estate"])
    def test_money_of_what_was_deleted_is_paid_back(self, unit: Unit, deleted: str):
        top_up(unit.wallet, "500.00")
        gone = unit if deleted == "unit" else unit.estate
        type(gone).objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        biller = Client(manager_of(unit.estate, role=roles.BILLING_ADMIN))
        path = f"/wallets/{unit.wallet.pk}"
        back = {"amount": "500.00", "payment_method": "eft", "reason": "Left behind"}

        assert biller.get(path).json()["data"]["balance"] == "500.00"
        assert biller.post(f"{path}/refund", back).json()["data"]["balance"] == "0.00"

        assert biller.patch(path, {"low_balance_limit": "75"}).status_code == 404
        assert biller.get("/wallets").json()["total"] == 0
        stranger = Client(manager_of(role=roles.BILLING_ADMIN))
        assert stranger.get(path).status_code == 404
        assert stranger.post(f"{path}/refund", back).status_code == 404


class TestPortal:
    @pytest.fixture
    def browser(self, unit: Unit) -> DjangoClient:
        browser = DjangoClient()
        browser.force_login(manager_of(unit.estate), backend="accounts.backends.RoleBackend")
        return browser

    def test_says_what_holds_a_unit(self, unit: Unit, browser: DjangoClient):
        top_up(unit.wallet, "500.00")
        url = reverse("admin:units_unit_delete", args=[unit.pk])

        answer = browser.post(url, {"post": "yes"}, follow=True)

        told = "A-101 cannot be deleted. Money is in its wallet: pay it back first."
        assert told in answer.content.decode()
        assert is_kept(unit)

    def test_keeps_those_it_was_chosen_with(self, unit: Unit, browser: DjangoClient):
        lived_in(unit)
        empty = UnitFactory.create(estate=unit.estate)
        sent = {"action": "delete_selected", "_selected_action": [unit.pk, empty.pk], "post": "yes"}

        answer = browser.post(reverse("admin:units_unit_changelist"), sent, follow=True)

        assert "Nothing was deleted. A-101 cannot be deleted." in answer.content.decode()
        assert is_kept(empty)

    def test_deletes_an_empty_one(self, unit: Unit, browser: DjangoClient):
        browser.post(reverse("admin:units_unit_delete", args=[unit.pk]), {"post": "yes"})

        assert not is_kept(unit)


class TestEstate:
    def test_stays_while_it_has_units_and_meters_that_hang_there(self, unit: Unit):
        admin = Client(UserFactory.create())
        estate = Estate.objects.get(pk=unit.estate_id)
        bulk = MeterFactory.create(
            estate=estate, kind="bulk_electricity", installed=True, installation__unit=None
        )
        MeterFactory.create(estate=estate)
        path = f"/estates/{estate.pk}"

        answer = admin.delete(path)

        assert (answer.status_code, answer.json()["code"]) == (409, "estate_in_use")
        assert answer.json()["detail"] == (
            f"{estate.code} cannot be deleted. Units in it: 1, to be deleted first. "
            "Meters that hang there: 1, to be removed with their closing registers first."
        )
        retire(unit)
        bulk.installations.update(ends_at=timezone.now(), closing_value=2_000_000)
        assert admin.delete(path).status_code == 204

    def test_is_told_so_in_the_portal(self, unit: Unit):
        browser = DjangoClient()
        browser.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
        url = reverse("admin:estates_estate_delete", args=[unit.estate_id])

        answer = browser.post(url, {"post": "yes"}, follow=True)

        told = "cannot be deleted. Units in it: 1, to be deleted first."
        assert told in answer.content.decode()
        assert Estate.objects.alive().filter(pk=unit.estate_id).exists()


def quarter() -> datetime:
    return floor_to_interval(timezone.now())


def paying(unit: Unit) -> Callable[[], object]:
    wallet: Wallet = WalletFactory.create(unit=unit)
    return lambda: topups.top_up(
        wallet_id=wallet.pk, amount=Decimal("500.00"), payment_method="eft", occurred_at=NOON,
        actor=None,
    )  # fmt: skip


def installing(unit: Unit) -> Callable[[], object]:
    meter = MeterFactory.create(estate=unit.estate)
    return lambda: installations.install(
        meter=meter, unit=unit, starts_at=quarter(), opening_value=0, now=timezone.now()
    )


def moving_in(unit: Unit) -> Callable[[], object]:
    resident = ResidentFactory.create(estate=unit.estate)
    return lambda: occupancies.assign(
        unit=unit, resident=resident, kind=Occupancy.Kind.TENANT, starts_on=today(),
        is_primary=True, today=today(),
    )  # fmt: skip


COMING = [
    pytest.param(paying, ledger.EstateClosed, id="a payment"),
    pytest.param(installing, installations.UnitDeleted, id="a meter"),
    pytest.param(moving_in, occupancies.Deleted, id="a tenant"),
]


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    @pytest.mark.parametrize(("coming", "refusal"), COMING)
    def test_what_comes_while_a_unit_goes_is_refused(
        self, unit: Unit, coming: Callable[[Unit], Callable[[], object]], refusal: type[Exception]
    ):
        come = coming(unit)
        with transaction.atomic():
            retire(unit)
            begun = held_up(come)
            assert not begun.done()

        assert isinstance(begun.result(), refusal)
        assert not is_kept(unit)
        assert not Transaction.objects.exists()
        assert not Installation.objects.exists()
        assert not Occupancy.objects.exists()

    @pytest.mark.parametrize(("coming", "refusal"), COMING)
    def test_a_unit_to_which_something_comes_stays(
        self, unit: Unit, coming: Callable[[Unit], Callable[[], object]], refusal: type[Exception]
    ):
        come = coming(unit)
        with transaction.atomic():
            come()
            begun = held_up(lambda: retire(unit))
            assert not begun.done()

        assert isinstance(begun.result(), UnitInUse)
        assert is_kept(unit)
