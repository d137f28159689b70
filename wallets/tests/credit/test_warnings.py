from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from notifications.models import Notification
from quantify.periods import local_day
from quantify.tests.client import Client
from units.tests.factories import UnitFactory
from wallets import limits
from wallets.credit import warnings
from wallets.forecasting import forecast
from wallets.forecasting.forecast import Forecast
from wallets.models import Wallet, WarningTerms
from wallets.tests.billing.test_billing import metered_unit, wallet_of
from wallets.tests.metering import use
from wallets.tests.moments import top_up
from wallets.tests.test_admin import client_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 15, 10, tzinfo=UTC)


@pytest.fixture
def wallet() -> Wallet:
    """A wallet with R40, below its estate's R50."""
    wallet = Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())
    top_up(wallet, "40.00")
    return wallet


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch):
    """Let the forecast say how many days the money lasts; answers whose it was asked for."""
    asked: list[object] = []

    def say(days: float) -> list[object]:
        def of_many(wallet_ids, *, now):
            asked.extend(wallet_ids)
            made = Forecast(as_of=now, expected_at=now + timedelta(days=days))
            return dict.fromkeys(wallet_ids, made)

        monkeypatch.setattr(forecast, "of_many", of_many)
        return asked

    return say


def settle(**changes: object) -> None:
    EstateSettings.objects.update(**changes)


def write(wallet: Wallet, now: datetime = NOW) -> list[str]:
    """Warn, and answer the events of the messages there are, oldest first."""
    warnings.write(now=now, wallet_ids=[wallet.pk])
    return list(Notification.objects.order_by("pk").values_list("event", flat=True))


class TestWrite:
    def test_tells_below_the_estates_limit(self, wallet):
        assert write(wallet) == ["low_balance"]

    def test_is_calm_at_the_limit(self, wallet):
        settle(low_balance_limit=Decimal(40))

        assert write(wallet) == []

    def test_the_wallets_own_limit_goes_first(self, wallet):
        Wallet.objects.update(low_balance_limit=Decimal(30))

        assert write(wallet) == []

    def test_is_critical_below_the_estates_share(self, wallet):
        settle(low_balance_critical_percent=Decimal(90))

        assert write(wallet) == ["critical_balance"]

    def test_counts_days_and_says_them(self, wallet, lasting):
        settle(low_balance_rule="days_remaining", low_balance_limit=Decimal(0))
        lasting(2.5)

        assert write(wallet) == ["low_balance"]
        assert "lasts about 2 days" in Notification.objects.get().text

    def test_follows_the_estates_days(self, wallet, lasting):
        settle(low_balance_rule="days_remaining", low_balance_days=2)
        lasting(2.5)

        assert write(wallet) == []

    def test_the_wallets_own_rule_goes_first(self, wallet, lasting):
        limits.override(wallet=wallet, terms={"low_balance_rule": "days_remaining"})
        lasting(9)

        assert write(wallet) == []

    def test_smart_asks_no_forecast_of_a_full_wallet_with_steady_use(self, wallet, lasting):
        settle(low_balance_rule="smart", low_balance_limit=Decimal(20))
        asked = lasting(1)

        assert write(wallet) == []
        assert asked == []

    def test_repeats_after_the_estates_hours(self, wallet):
        settle(low_balance_repeat_hours=6)
        write(wallet)
        Notification.objects.update(created_at=NOW)

        assert len(write(wallet, NOW + timedelta(hours=5))) == 1
        assert len(write(wallet, NOW + timedelta(hours=7))) == 2

    def test_of_all_wallets_each_forecast_is_asked_once_in_fifteen_minutes(self, wallet, lasting):
        settle(low_balance_rule="days_remaining")
        asked = lasting(1)

        for minute in range(15):
            warnings.write(now=NOW + timedelta(minutes=minute))

        assert asked == [wallet.pk]


class TestRising:
    def test_is_told_from_the_days_before_today(self):
        meter = metered_unit([{"kind": "energy", "price": "2.00"}])
        wallet = wallet_of(meter)
        top_up(wallet, "90.00")
        today = local_day(NOW)
        for back in range(1, 36):
            use(meter, today - timedelta(days=back), "12" if back <= 7 else "10")
        units = {wallet.unit_id: Wallet.objects.select_related("unit__estate").get()}

        assert warnings.histories.rising(units, now=NOW) == {wallet.unit_id}

        use(meter, today - timedelta(days=1), "10")
        use(meter, today - timedelta(days=2), "1")
        assert warnings.histories.rising(units, now=NOW) == set()

    def test_makes_smart_ask_for_the_days(self, lasting):
        meter = metered_unit([{"kind": "energy", "price": "2.00"}])
        wallet = wallet_of(meter)
        top_up(wallet, "90.00")
        settle(low_balance_rule="smart")
        lasting(2)
        assert write(wallet) == []

        for back in range(1, 36):
            use(meter, local_day(NOW) - timedelta(days=back), "12" if back <= 7 else "10")

        assert write(wallet) == ["low_balance"]


class TestApi:
    @pytest.fixture
    def client(self, wallet: Wallet) -> Client:
        user = UserFactory.create(role=roles.BILLING_ADMIN)
        wallet.unit.estate.memberships.create(user=user)
        return Client(user)

    def test_shows_what_is_inherited(self, client, wallet):
        data = client.get(f"/wallets/{wallet.pk}").json()["data"]

        assert data["low_balance_rule"] is None
        assert data["low_balance_days"] is None
        assert data["warning_terms"] == {
            "rule": "fixed",
            "limit": "50.00",
            "days": 3,
            "repeat_hours": 24,
            "critical_percent": "20.00",
            "sources": dict.fromkeys(
                ("rule", "limit", "days", "repeat_hours", "critical_percent"), "estate"
            ),
        }

    def test_overrides_and_inherits_again(self, client, wallet):
        own = {"low_balance_rule": "smart", "low_balance_days": 5, "low_balance_limit": "70.00"}

        data = client.patch(f"/wallets/{wallet.pk}", own).json()["data"]

        terms = data["warning_terms"]
        assert (terms["rule"], terms["days"], terms["limit"]) == ("smart", 5, "70.00")
        assert terms["sources"]["days"] == terms["sources"]["limit"] == "wallet"
        assert terms["sources"]["repeat_hours"] == "estate"

        back = {"low_balance_rule": None, "low_balance_days": None, "low_balance_limit": None}
        terms = client.patch(f"/wallets/{wallet.pk}", back).json()["data"]["warning_terms"]
        assert set(terms["sources"].values()) == {"estate"}
        assert client.get(f"/wallets/{wallet.pk}").json()["data"]["low_balance_rule"] is None

    @pytest.mark.parametrize(
        "wrong",
        [
            {"low_balance_days": 0},
            {"low_balance_days": 61},
            {"low_balance_repeat_hours": 0},
            {"low_balance_critical_percent": "101"},
            {"low_balance_rule": "never"},
        ],
    )
    def test_refuses_terms_that_cannot_be(self, client, wallet, wrong):
        answer = client.patch(f"/wallets/{wallet.pk}", wrong)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == next(iter(wrong))
        assert not WarningTerms.objects.exists()

    def test_changes_the_version_of_the_wallet(self, client, wallet):
        path = f"/wallets/{wallet.pk}"
        read = client.get(path)["ETag"]

        client.patch(path, {"low_balance_days": 5})

        assert client.patch(path, {"low_balance_days": 6}, HTTP_IF_MATCH=read).status_code == 412


class TestPortal:
    def test_shows_what_the_estate_has_and_saves_the_wallets_own(self, wallet):
        client = client_of(roles.BILLING_ADMIN, wallet)
        url = reverse("admin:wallets_wallet_change", args=[wallet.pk])
        page = client.get(url).content.decode()
        assert "as the estate has it, 3." in page
        assert "days 3 (estate)" in page

        client.post(url, {"low_balance_rule": "smart", "low_balance_days": "5"})

        assert "days 5 (this wallet)" in client.get(url).content.decode()
        assert WarningTerms.objects.get().low_balance_rule == "smart"

    def test_refuses_a_term_beside_its_field(self, wallet):
        client = client_of(roles.BILLING_ADMIN, wallet)
        url = reverse("admin:wallets_wallet_change", args=[wallet.pk])

        answer = client.post(url, {"low_balance_days": "61"})

        assert answer.context["adminform"].form.errors["low_balance_days"]
        assert not WarningTerms.objects.exists()

    def test_only_shows_to_those_who_may_not_change(self, wallet):
        client = client_of(roles.VIEWER, wallet)
        url = reverse("admin:wallets_wallet_change", args=[wallet.pk])

        assert "days 3 (estate)" in client.get(url).content.decode()
        assert client.post(url, {"low_balance_days": "5"}).status_code == 403
