"""Other prices on real months: to the cent, for whom, and for whom not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from estates.models import Estate, EstateSettings
from estates.tests.factories import EstateFactory
from meters.models import Meter
from meters.tests.factories import MeterFactory
from quantify.periods import local_day, previous_month
from quantify.snapshots import snapshot
from quantify.tests.client import Client
from rates import assignments
from rates.assignments import AnotherEstate
from rates.models import RateTable, RateTableVersion
from rates.tests.factories import AssignmentFactory, RateTableFactory, flat
from reports import simulations
from reports.simulations import MonthNotBegun, Scope, Simulation
from units.tests.factories import OccupancyFactory, UnitFactory
from wallets.billing import runs
from wallets.models import Bill, Transaction
from wallets.office import settlement
from wallets.tests.billing.test_billing import BLOCKS
from wallets.tests.metering import count, use
from wallets.tests.office.test_settlement import read

pytestmark = pytest.mark.django_db

JULY = date(2026, 7, 1)
AUGUST = datetime(2026, 8, 3, 10, tzinfo=UTC)
TIME_OF_USE = [
    {"kind": "time_of_use", "season": "high",
     "prices": {"peak": "7.00", "standard": "2.00", "off_peak": "1.50"}},
    {"kind": "time_of_use", "season": "low",
     "prices": {"peak": "3.00", "standard": "2.00", "off_peak": "1.00"}},
    {"kind": "demand", "price": "100.00"},
    {"kind": "fixed_per_day", "price": "3.27"},
]  # fmt: skip


def table_of(components: list[dict[str, object]], **fields: object) -> RateTable:
    table: RateTable = RateTableFactory.create(version__components=components, **fields)
    return table


def estate_on(table: RateTable, **fields: object) -> Estate:
    estate: Estate = EstateFactory.create(**fields)
    AssignmentFactory.create(estate=estate, rate_table=table)
    return estate


def home(estate: Estate, number: str = "A1", kind: str = "electricity") -> Meter:
    unit = UnitFactory.create(estate=estate, unit_number=number)
    meter: Meter = MeterFactory.create(
        estate=estate, kind=kind, with_register=True, installed=True, installation__unit=unit
    )
    return meter


def bill(now: datetime = AUGUST) -> None:
    runs.bill(now=now, since=JULY)


def simulate(
    estate: Estate, table: RateTable, written: list[dict[str, object]] | None = None,
    **fields: object,
) -> Simulation:  # fmt: skip
    asked = {"month": JULY, "now": AUGUST, **fields}
    tariff = simulations.tariff_to_try(table, written=written)
    return simulations.simulate(estate=estate, table=table, tariff=tariff, **asked)


def charged_in_july() -> Decimal:
    return sum((one.charged for one in Bill.objects.filter(month=JULY)), Decimal(0))


class TestSamePrices:
    """What is in force, simulated, is what was charged."""

    @pytest.mark.parametrize(
        "components",
        [
            pytest.param(flat("2.1234"), id="flat"),
            pytest.param(BLOCKS, id="blocks"),
            pytest.param(TIME_OF_USE, id="time of use, demand, per day"),
            pytest.param(
                [*BLOCKS, {"kind": "fixed_per_month", "price": "99.99"},
                 {"kind": "surcharge", "percent": "7.5"}, {"kind": "minimum", "amount": "150"}],
                id="surcharge and minimum",
            ),
        ],
    )  # fmt: skip
    def test_come_to_what_was_charged_to_the_cent(self, components):
        table = table_of(components)
        estate = estate_on(table)
        for number, kwh in enumerate(("0.1", "1.7", "2.345"), start=1):
            meter = home(estate, f"A{number}")
            for day in range(1, 29):
                count(meter, datetime(2026, 7, day, day % 24, 15, tzinfo=UTC), kwh)
        home(estate, "A4")
        bill()

        made = simulate(estate, table)

        assert made.charged == charged_in_july()
        assert made.outcome.revenue_before == made.outcome.revenue_after == charged_in_july()
        assert (made.outcome.units, made.outcome.unchanged) == (4, 4)
        assert (made.not_up_to_date, made.not_priced, made.is_running) == (0, [], False)

    def test_with_markup_and_without_vat(self):
        table = table_of(BLOCKS)
        estate = EstateFactory.create()
        AssignmentFactory.create(estate=estate, rate_table=table, markup_percentage=Decimal(10))
        EstateSettings.objects.update_or_create(estate=estate, defaults={"vat_registered": False})
        use(home(estate), date(2026, 7, 4), "100")
        bill()

        made = simulate(estate, table)

        assert made.outcome.revenue_before == charged_in_july() == Decimal("192.50")

    def test_over_a_change_of_version_and_of_assignment(self):
        table, other = table_of(BLOCKS), table_of(flat("3.00"))
        estate = estate_on(table)
        table.versions.update(effective_to=date(2026, 7, 10))
        RateTableVersion.objects.create(
            rate_table=table, number=2, effective_from=date(2026, 7, 10), components=flat("2.50")
        )
        meter = home(estate)
        for day in (2, 12, 25):
            use(meter, date(2026, 7, day), "120")
        assignments.assign(
            estate=estate, utility="electricity", rate_table=other,
            markup_percentage=Decimal(0), effective_from=date(2026, 7, 20),
        )  # fmt: skip
        bill()

        # 120 by blocks, 120 at R2.50, 120 at R3.00.
        made = simulate(estate, table, flat("1.00"))

        assert made.outcome.revenue_before == charged_in_july() == Decimal("1006.25")
        # The days of the other table keep its price.
        assert made.outcome.revenue_after == Decimal("690.00")

    def test_where_a_settlement_cut_the_month(self):
        table = table_of(BLOCKS)
        estate = estate_on(table)
        meter = home(estate)
        unit = meter.installations.get().unit
        occupancy = OccupancyFactory.create(
            unit=unit, starts_on=date(2026, 6, 1), ends_on=date(2026, 7, 15)
        )
        use(meter, date(2026, 7, 3), "150")
        read(meter, "1150")
        use(meter, date(2026, 7, 20), "150")
        settlement.settle(
            occupancy_id=occupancy.pk, settled_at=datetime(2026, 7, 16, 10, tzinfo=UTC), actor=None
        )
        bill()

        made = simulate(estate, table)

        assert Bill.objects.filter(month=JULY).count() == 2
        assert made.outcome.revenue_before == made.charged == charged_in_july()
        assert made.outcome.units == 1
        assert made.outcome.most_affected == ()

    def test_of_solar_give_the_first_units_away(self):
        table = table_of(flat("1.50"), utility="solar")
        estate = estate_on(table, solar_free_allocation_kwh=Decimal(50))
        use(home(estate, kind="solar"), date(2026, 7, 4), "80")
        bill()

        made = simulate(estate, table)

        assert made.outcome.revenue_before == charged_in_july() == Decimal("51.75")

    def test_of_a_month_that_runs(self):
        table = table_of(TIME_OF_USE)
        estate = estate_on(table)
        now = datetime(2026, 7, 10, 12, tzinfo=UTC)
        count(home(estate), datetime(2026, 7, 9, 6, tzinfo=UTC), "3")
        runs.bill(now=now, since=JULY)

        made = simulate(estate, table, now=now)

        assert made.is_running
        assert made.outcome.revenue_before == charged_in_july() > 0


class TestOtherPrices:
    def test_tell_revenue_winners_losers_and_who_is_hit_most(self):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        for number, kwh in (("A1", "10"), ("A2", "100"), ("A3", "400")):
            use(home(estate, number), date(2026, 7, 4), kwh)
        bill()

        made = simulate(estate, table, BLOCKS)

        found = made.outcome
        # R20, R200, R800 before; R15, R175, R975 after; VAT on top.
        assert (found.revenue_before, found.revenue_after) == (
            Decimal("1173.00"), Decimal("1339.75"),
        )  # fmt: skip
        assert (found.change, found.change_percent) == (Decimal("166.75"), Decimal("14.22"))
        assert (found.winners, found.losers, found.unchanged) == (2, 1, 0)
        most = found.most_affected
        assert [one.unit_number for one in most] == ["A3", "A2", "A1"]
        assert (most[0].before.total, most[0].after.total) == (Decimal(920), Decimal("1121.25"))
        assert most[0].consumption == 400_000

    def test_store_nothing(self):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        use(home(estate), date(2026, 7, 4), "10")
        bill()
        before = (list(Bill.objects.order_by("pk").values()), Transaction.objects.count())

        simulate(estate, table, BLOCKS)

        assert (list(Bill.objects.order_by("pk").values()), Transaction.objects.count()) == before
        assert table.versions.count() == 1

    def test_leave_units_of_other_rate_tables_alone_unless_all_are_meant(self):
        table, other = table_of(flat("2.00")), table_of(flat("3.00"))
        estate = estate_on(table)
        first, second = home(estate, "A1"), home(estate, "A2")
        AssignmentFactory.create(unit=second.installations.get().unit, rate_table=other)
        use(first, date(2026, 7, 4), "10")
        use(second, date(2026, 7, 4), "10")

        some = simulate(estate, table, flat("1.00"))
        every = simulate(estate, table, flat("1.00"), scope=Scope.ALL)

        assert (some.outcome.units, some.elsewhere) == (1, 1)
        assert (every.outcome.units, every.elsewhere) == (2, 0)
        assert every.outcome.revenue_after == Decimal("23.00")

    def test_are_for_every_unit_if_nobody_pays_by_the_rate_table(self):
        estate = estate_on(table_of(flat("2.00")))
        use(home(estate, "A1"), date(2026, 7, 4), "10")
        draft = table_of(flat("3.00"))

        unsaid = simulate(estate, draft)
        named = simulate(estate, draft, scope=Scope.ASSIGNED)

        assert (unsaid.scope, unsaid.outcome.losers, unsaid.elsewhere) == (Scope.ALL, 1, 0)
        assert (named.scope, named.outcome.units, named.elsewhere) == (Scope.ASSIGNED, 0, 1)

    def test_name_units_that_cannot_be_priced_and_why(self):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        use(home(estate, "A1"), date(2026, 7, 4), "10")
        count(home(estate, "A2"), datetime(2026, 7, 4, 8, tzinfo=UTC), "10")

        made = simulate(estate, table, TIME_OF_USE)

        assert made.outcome.units == 1
        assert [(one.unit_number, one.reason) for one in made.not_priced] == [
            (
                "A1",
                "Only 0.000 of 10.000 kWh have intervals: these prices need to know when all"
                " of it was used.",
            )
        ]

    def test_name_units_without_a_tariff(self):
        table = table_of(flat("2.00"))
        estate = EstateFactory.create()
        use(home(estate, "A1"), date(2026, 7, 4), "10")

        made = simulate(estate, table, scope=Scope.ALL)

        assert made.outcome.units == 0
        assert "No rate table is assigned" in made.not_priced[0].reason

    def test_count_bills_that_are_not_up_to_date(self):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        meter = home(estate)
        use(meter, date(2026, 7, 4), "10")
        bill()
        use(meter, date(2026, 7, 4), "12")

        made = simulate(estate, table)

        assert (made.not_up_to_date, made.charged) == (1, Decimal("23.00"))
        assert made.outcome.revenue_before == Decimal("27.60")

    def test_of_another_estate_or_a_month_to_come_are_refused(self):
        own = table_of(flat("2.00"), estate=EstateFactory.create())

        with pytest.raises(AnotherEstate):
            simulate(EstateFactory.create(), own)
        with pytest.raises(MonthNotBegun, match="August 2026 or earlier"):
            simulate(own.estate, own, month=date(2026, 9, 1))


class TestApi:
    @pytest.fixture
    def used(self) -> tuple[Estate, RateTable]:
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        use(home(estate), date(2026, 7, 4), "10")
        bill()
        return estate, table

    def post(self, user, table, **body):
        return Client(user).post(f"/rate-tables/{table.pk}/simulate", body)

    def test_answers_with_figures(self, used):
        estate, table = used

        answer = self.post(
            UserFactory.create(), table, estate=str(estate.pk), month="2026-07",
            components=flat("3.00"),
        )  # fmt: skip

        assert answer.status_code == 200
        data = answer.json()["data"]
        assert data["month"] == "2026-07"
        assert data["charged"] == data["outcome"]["revenue_before"] == "23.00"
        assert data["outcome"]["change"] == "11.50"
        assert data["outcome"]["change_percent"] == "50.00"
        assert data["outcome"]["most_affected"][0]["consumption"] == "10.000"
        assert data["outcome"]["most_affected"][0]["after"]["total"] == "34.50"
        assert sum(one["units"] for one in data["outcome"]["histogram"]) == 1

    def test_says_for_whom_it_is_where_nobody_named_it(self, used):
        estate, table = used
        draft, user = table_of(flat("3.00")), UserFactory.create()

        paid_by, new = (
            self.post(user, one, estate=str(estate.pk), month="2026-07").json()["data"]
            for one in (table, draft)
        )

        assert (paid_by["scope"], paid_by["outcome"]["units"]) == ("assigned", 1)
        assert (new["scope"], new["outcome"]["losers"]) == ("all", 1)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            pytest.param({"month": "2126-07"}, "month", id="to come"),
            pytest.param({"month": "July"}, "month", id="no month"),
            pytest.param({"version": 7}, "version", id="no such version"),
            pytest.param({"components": [{"kind": "energy"}]}, "components[0].price", id="price"),
            pytest.param({"scope": "some"}, "scope", id="scope"),
            pytest.param({"version": 1, "components": flat()}, "version", id="both"),
        ],
    )
    def test_says_what_is_wrong(self, used, changes, field):
        estate, table = used

        answer = self.post(UserFactory.create(), table, estate=str(estate.pk), **changes)

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field

    def test_is_closed_to_other_estates(self, used):
        estate, table = used
        for role in ("property_manager", "billing_admin", "viewer"):
            answer = self.post(UserFactory.create(role=role), table, estate=str(estate.pk))
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "estate")
        member = UserFactory.create(role="viewer")
        estate.memberships.create(user=member)
        assert self.post(member, table, estate=str(estate.pk)).status_code == 200


class TestCommand:
    def test_tells_the_figures(self, capsys):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        use(home(estate), date(2026, 7, 4), "10")
        bill()

        call_command("simulate_rates", table.name, estate=estate.code, month=JULY)

        told = capsys.readouterr().out
        assert "1 units: R23.00 before, R23.00 after, +R0.00 (+0.00 %)" in told
        assert "0 pay less, 0 more, 1 the same" in told

    def test_refuses_what_is_not_there(self):
        estate = EstateFactory.create()

        with pytest.raises(CommandError, match="no rate table 'Nothing'"):
            call_command("simulate_rates", "Nothing", estate=estate.code)
        with pytest.raises(CommandError, match="no estate"):
            call_command("simulate_rates", "Nothing", estate="NOWHERE")


class TestPage:
    URL = "admin:rates_ratetable_simulate"

    def client(self, role: str, *estates: Estate) -> Browser:
        user = UserFactory.create(role=role)
        for estate in estates:
            estate.memberships.create(user=user)
        client = Browser()
        client.force_login(user, backend="accounts.backends.RoleBackend")
        return client

    @pytest.fixture
    def used(self) -> tuple[Estate, RateTable]:
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        use(home(estate, "A1"), previous_month(local_day(timezone.now())), "10")
        runs.bill(now=timezone.now())
        return estate, table

    def sent(self, estate: Estate, **changes: object) -> dict[str, object]:
        month = previous_month(local_day(timezone.now()))
        return {
            "estate": estate.pk, "month": month.isoformat(), "version": "1", "components": "",
            "scope": "assigned",
        } | changes  # fmt: skip

    def test_draws_the_real_numbers_and_names_who_is_hit(self, used):
        estate, table = used
        client = self.client("viewer", estate)

        answer = client.post(
            reverse(self.URL, args=[table.pk]),
            self.sent(estate, components='[{"kind": "energy", "price": "3.00"}]'),
        )

        body = answer.content.decode()
        assert answer.context["found"].change == Decimal("11.50")
        assert '<svg class="q-histogram"' in body
        assert "R\xa010.00 to R\xa012.00 more" in body
        assert "A1</a>" in body

    def test_says_what_is_wrong_beside_the_field(self, used):
        estate, table = used
        sent = self.sent(estate, components='[{"kind": "energy"}]')

        answer = self.client("viewer", estate).post(reverse(self.URL, args=[table.pk]), sent)

        assert "price" in answer.context["form"].errors["components"][0]
        assert "made" not in answer.context

    def test_is_reached_from_the_rate_table(self, used):
        estate, table = used
        page = self.client("viewer", estate).get(
            reverse("admin:rates_ratetable_change", args=[table.pk])
        )

        assert reverse(self.URL, args=[table.pk]) in page.content.decode()

    def test_offers_and_takes_no_other_estate(self, used):
        estate, table = used
        client = self.client("viewer", EstateFactory.create())
        url = reverse(self.URL, args=[table.pk])

        assert estate.code not in client.get(url).content.decode()
        assert client.post(url, self.sent(estate)).context["form"].errors["estate"]

    def test_is_closed_to_residents_and_to_foreign_tables(self, used):
        _, table = used
        own = table_of(flat(), estate=EstateFactory.create())

        url = reverse(self.URL, args=[table.pk])
        assert self.client("resident").get(url).status_code == 302
        foreign = reverse(self.URL, args=[own.pk])
        assert self.client("viewer").get(foreign).status_code == 404


@pytest.mark.django_db(transaction=True)
class TestSnapshot:
    def test_keeps_what_is_metered_meanwhile_out_of_both_sides(self, monkeypatch):
        table = table_of(flat("2.00"))
        estate = estate_on(table)
        meter = home(estate)
        use(meter, date(2026, 7, 4), "10")
        bill()
        usages = simulations.Usages

        def metered_meanwhile() -> None:
            use(meter, date(2026, 7, 5), "90")
            connection.close()

        def read(*args: object, **kwargs: object) -> object:
            made = usages(*args, **kwargs)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(metered_meanwhile).result()
            return made

        monkeypatch.setattr(simulations, "Usages", read)

        made = simulate(estate, table)

        assert made.outcome.revenue_before == made.outcome.revenue_after == Decimal("23.00")
        assert made.charged == Decimal("23.00")

    def test_can_write_nothing(self):
        with pytest.raises(InternalError, match="read-only"), snapshot():
            EstateFactory.create()
