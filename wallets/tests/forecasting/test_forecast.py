from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import roles
from accounts.tests.factories import UserFactory
from meters import partitions
from meters.days import add_up
from meters.models import Meter
from quantify import money
from quantify.periods import SOUTH_AFRICA, midnight
from quantify.quantities import Utility
from quantify.tests.client import Client
from rates.tests.factories import flat
from units.tests.factories import UnitFactory
from wallets import ledger
from wallets.admin.outlook import in_words
from wallets.billing import runs
from wallets.forecasting import backtest, forecast, runway
from wallets.forecasting.expectation import EXPECTED, TooLittleHistory, habit
from wallets.forecasting.forecast import Forecast
from wallets.ledger import Entry
from wallets.models import Account, Transaction, Wallet
from wallets.pockets import Flow, Pockets, Tap
from wallets.tests.billing.test_billing import metered_unit, wallet_of
from wallets.tests.moments import top_up

MONDAY = datetime(2026, 6, 1)  # noqa: DTZ001  (local hours carry no zone)
NOW = midnight(date(2026, 7, 15))


def hours(days: int, quantity: int = 100) -> list[tuple[datetime, int]]:
    return [(MONDAY + timedelta(hours=hour), quantity) for hour in range(24 * days)]


def pockets(**held: str) -> Pockets:
    names = ("available", "electricity", "water", "solar", "arrears")
    return Pockets(**{name: Decimal(held.get(name, "0.00")) for name in names})


class TestHabit:
    def test_takes_the_median_of_each_hour_of_the_week(self):
        quantities = [100, 300, 200, 900]
        history = [
            (start + timedelta(weeks=week), quantity)
            for week, quantity in enumerate(quantities)
            for start, _ in hours(7)
        ]

        learned = habit(history)

        assert set(learned.week) == {250.0}

    def test_spans_from_low_to_high_days(self):
        history = [(start, 100 + 10 * (start.day % 3)) for start, _ in hours(28)]

        low, expected, high = habit(history).levels

        assert low < expected < high

    def test_counts_rare_large_hours(self):
        history = [
            (start, 5000 if start.hour == 6 + start.day % 12 else 100) for start, _ in hours(28)
        ]

        learned = habit(history)

        assert sum(learned.week) * learned.levels[EXPECTED] / 7 == pytest.approx(7300, rel=0.05)

    def test_refuses_to_learn_from_less_than_a_week(self):
        with pytest.raises(TooLittleHistory):
            habit(hours(6))
        assert habit(hours(7)).levels == (1.0, 1.0, 1.0)


class TestCreditLeft:
    def test_pays_from_the_own_pocket_first(self):
        held = pockets(available="50.00", electricity="30.00")
        costs = {Utility.ELECTRICITY: Decimal("40.00"), Utility.WATER: Decimal("15.00")}

        assert runway.credit_left(held, costs) == Decimal("25.00")

    def test_keeps_a_bound_pocket_from_water(self):
        held = pockets(available="10.00", electricity="30.00")
        costs = {Utility.ELECTRICITY: Decimal("20.00"), Utility.WATER: Decimal("99.00")}

        assert runway.credit_left(held, costs) == Decimal("10.00")


def consume(meter: Meter, start: datetime, end: datetime, wh: int) -> None:
    """Meter the same in every quarter hour."""
    partitions.ensure(start.date(), end.date())
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
            SELECT %s, 1, at, %s, 'actual'
            FROM generate_series(%s::timestamptz, %s - interval '1 second', '15 minutes') AS at
            """,
            [meter.pk, wh, start, end],
        )
        cursor.execute(
            """
            INSERT INTO meters_dailyconsumption (meter_id, channel, day, quantity, intervals)
            SELECT meter_id, channel, (start AT TIME ZONE 'Africa/Johannesburg')::date,
                sum(quantity), count(*)
            FROM meters_interval WHERE meter_id = %s GROUP BY 1, 2, 3
            """,
            [meter.pk],
        )
    add_up([meter.pk])


def steady(components: list[dict[str, object]], *, days: int = 28) -> Meter:
    """A unit that used 1 kWh in every hour until now, and was charged for it."""
    meter = metered_unit(components)
    consume(meter, NOW - timedelta(days=days), NOW, 250)
    top_up(wallet_of(meter), "1000.00")
    for _ in range(2):
        runs.bill(now=NOW - timedelta(seconds=1), since=date(2026, 6, 1))
    return meter


def hold(meter: Meter, amount: str) -> Wallet:
    top_up(wallet_of(meter), str(5000 + Decimal(amount)))
    wallet = wallet_of(meter)
    ledger.post(
        Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind.ADJUSTMENT,
            amount=Decimal(amount) - wallet.available,
            flow=Flow(
                amount=wallet.available - Decimal(amount),
                sources=(Tap(Account.AVAILABLE),),
                sinks=(Tap(Account.ADJUSTMENTS),),
            ),
            occurred_at=NOW,
        )
    )
    return wallet_of(meter)


@pytest.mark.django_db
class TestVat:
    def test_is_that_of_the_month(self, monkeypatch: pytest.MonkeyPatch):
        meter = steady(flat("2.00"))
        rates = ((date(2026, 7, 1), Decimal(16)), *money.VAT_RATES)
        monkeypatch.setattr(money, "VAT_RATES", rates)

        ((_, known),) = forecast.courses([wallet_of(meter).pk], now=NOW)

        assert isinstance(known, list)
        assert [course.vat_percent for course in known] == [Decimal(16)]


@pytest.mark.django_db
class TestForecast:
    def test_tells_the_hour_at_a_flat_price(self):
        wallet = hold(steady(flat("2.00")), "23.00")

        made = forecast.of(wallet.pk, now=NOW)

        # R2.30 an hour with VAT.
        assert made.expected_at == NOW + timedelta(hours=10)
        assert made.days_left == Decimal("0.4")
        assert made.reason == ""

    def test_prices_the_block_that_the_month_has_reached(self):
        # Fourteen days used 336 kWh: four more at R1, the others at R10.
        blocks = {"blocks": [{"upto": "340", "price": "1"}, {"upto": None, "price": "10"}]}
        wallet = hold(steady([{"kind": "block", **blocks}]), "50.60")

        made = forecast.of(wallet.pk, now=NOW)

        assert made.expected_at == NOW + timedelta(hours=8)

    def test_begins_a_new_month_anew(self):
        # The rest of July costs R395.60; in August 400 kWh are free again.
        blocks = {"blocks": [{"upto": "400", "price": "0"}, {"upto": None, "price": "1"}]}
        wallet = hold(steady([{"kind": "block", **blocks}]), "400.00")

        made = forecast.of(wallet.pk, now=NOW)

        assert made.expected_at == midnight(date(2026, 8, 1)) + timedelta(hours=404)

    def test_counts_what_a_day_costs_by_itself(self):
        components = [*flat("0.00"), {"kind": "fixed_per_day", "name": "Service", "price": "10"}]
        wallet = hold(steady(components), "23.00")

        made = forecast.of(wallet.pk, now=NOW)

        assert made.expected_at == NOW + timedelta(days=1, hours=1)

    def test_says_nothing_beyond_sixty_days(self):
        wallet = hold(steady(flat("0.01")), "500.00")

        made = forecast.of(wallet.pk, now=NOW)

        assert (made.expected_at, made.days_left, made.reason) == (None, None, "")

    def test_gives_a_reason_instead_of_guessing(self):
        meter = steady(flat("2.00"), days=5)
        bare = Wallet.objects.get(unit=UnitFactory.create())

        made = forecast.of_many([wallet_of(meter).pk, bare.pk], now=NOW)

        assert "of at least 7 days" in made[wallet_of(meter).pk].reason
        assert made[bare.pk].reason == "No meter is installed at the unit."

    def test_does_not_trust_a_silent_meter(self):
        wallet = hold(steady(flat("2.00")), "23.00")

        made = forecast.of(wallet.pk, now=NOW + timedelta(days=3))

        assert "was not read" in made.reason

    def test_counts_what_was_used_since_the_last_reading(self):
        wallet = hold(steady(flat("2.00")), "23.00")

        made = forecast.of(wallet.pk, now=NOW + timedelta(hours=4))

        assert made.expected_at == NOW + timedelta(hours=10)

    def test_reads_many_wallets_as_one(self, django_assert_max_num_queries):
        first, second = steady(flat("2.00")), metered_unit(flat("2.00"))
        wallets = [wallet_of(first).pk, wallet_of(second).pk]

        with django_assert_max_num_queries(12):
            made = forecast.of_many(wallets, now=NOW)

        assert set(made) == set(wallets)


@pytest.mark.django_db
class TestBacktest:
    def test_scores_a_steady_home_without_error(self):
        consume(metered_unit(flat("2.00")), NOW - timedelta(days=25), NOW, 250)
        for day in range(12, -1, -1):
            evening = NOW - timedelta(days=day, seconds=1)
            runs.bill(now=evening, since=date(2026, 6, 1))

        made = list(backtest.trials(until=NOW, past_days=2, horizons=[1]))

        assert [(one.expected, one.charged, one.is_hit) for one in made] == [
            (Decimal("55.20"), Decimal("55.20"), True)
        ] * 2

    def test_prints_what_it_found(self):
        out = StringIO()

        call_command("backtest_forecast", days=1, stdout=out)

        assert "no wallet had history" in out.getvalue()

    def test_sums_up(self):
        made = [
            backtest.Trial(1, *map(Decimal, ("8", "10", "12", "11"))),
            backtest.Trial(1, *map(Decimal, ("8", "10", "12", "20"))),
            backtest.Trial(3, *map(Decimal, ("8", "10", "12", "20"))),
        ]

        found = backtest.score(1, made)

        assert (found.trials, found.hits, found.hit_percent) == (2, 1, 50)
        assert found.median_error == Decimal("5.5")


@pytest.mark.django_db
class TestApi:
    def test_answers_the_forecast(self):
        client = Client(UserFactory.create(role=roles.SUPER_ADMIN))
        wallet = Wallet.objects.get(unit=UnitFactory.create())

        answer = client.get(f"/wallets/{wallet.pk}/forecast")

        assert answer.status_code == 200
        assert answer.json()["data"]["expected_at"] is None
        assert answer.json()["data"]["reason"] == "No meter is installed at the unit."

    def test_stands_in_the_wallet_as_of_the_last_quarter_of_an_hour(
        self, monkeypatch, django_assert_max_num_queries
    ):
        wallet = hold(steady(flat("2.00")), "23.00")
        client = Client(UserFactory.create(role=roles.SUPER_ADMIN))
        now = NOW + timedelta(minutes=7)
        monkeypatch.setattr("wallets.api.forecast.timezone", SimpleNamespace(now=lambda: now))
        client.get(f"/wallets/{wallet.pk}")

        with django_assert_max_num_queries(11):
            shown = client.get(f"/wallets/{wallet.pk}")

        assert shown.json()["data"]["forecast"] == {
            "as_of": "2026-07-15T00:00:00+02:00",
            "days_left": "0.4",
            "expected_at": "2026-07-15T10:00:00+02:00",
            "earliest_at": "2026-07-15T10:00:00+02:00",
            "latest_at": "2026-07-15T10:00:00+02:00",
            "horizon_days": 60,
            "reason": "",
        }
        now += timedelta(minutes=7)
        known = {"HTTP_IF_NONE_MATCH": shown["ETag"]}
        assert client.get(f"/wallets/{wallet.pk}", **known).status_code == 304

    def test_hides_the_wallets_of_others(self):
        client = Client(UserFactory.create(role=roles.BILLING_ADMIN))
        wallet = Wallet.objects.get(unit=UnitFactory.create())

        assert client.get(f"/wallets/{wallet.pk}/forecast").status_code == 404


class TestInWords:
    def test_names_the_moments(self):
        made = Forecast(
            as_of=NOW,
            expected_at=NOW + timedelta(hours=19),
            earliest_at=NOW - timedelta(hours=2),
            latest_at=None,
        )

        words = in_words(made, "R 86.00", SOUTH_AFRICA)

        assert words == (
            "R 86.00 lasts until about Wed 15 Jul 19:00 (Tue 14 Jul 22:00 to more than 60 days)."
        )

    @pytest.mark.parametrize(
        ("made", "words"),
        [
            (Forecast(as_of=NOW, reason="No meter."), "No forecast. No meter."),
            (Forecast(as_of=NOW), "R 1.00 lasts more than 60 days."),
            (
                Forecast(as_of=NOW, expected_at=NOW),
                "Used up: nothing is left for a supply that can be cut.",
            ),
        ],
    )
    def test_is_honest(self, made, words):
        assert in_words(made, "R 1.00", SOUTH_AFRICA) == words
