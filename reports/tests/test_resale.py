"""What resale charged above the licensed price: nothing on one's own reference, to the cent."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.periods import local_day, previous_month
from quantify.tests.client import Client
from quantify.tests.worksheets import told, worksheet
from rates import references
from rates.assignments import AnotherEstate, WrongUtility
from rates.models import RateTable, ReferenceTable
from rates.references import NotAReference
from rates.tests.factories import AssignmentFactory, RateTableFactory, flat
from reports import resale
from reports.resale import Checked
from reports.tests.test_simulations import (
    AUGUST,
    JULY,
    TIME_OF_USE,
    bill,
    charged_in_july,
    estate_on,
    home,
    table_of,
)
from wallets.billing import runs
from wallets.models import Bill, Transaction
from wallets.tests.billing.test_billing import BLOCKS
from wallets.tests.metering import count, use

pytestmark = pytest.mark.django_db

FOURTH = date(2026, 7, 4)


def licensed(components: list[dict[str, object]], **fields: object) -> RateTable:
    return table_of(components, is_reference=True, **fields)


def compare(estate: Estate, table: RateTable) -> None:
    references.name(estate=estate, utility=table.utility, rate_table=table)


def check(estate: Estate, **fields: object) -> list[Checked]:
    asked = {"month": JULY, "now": AUGUST, **fields}
    return list(resale.check(estate=estate, **asked).utilities)


class TestOwnReference:
    @pytest.mark.parametrize(
        "components",
        [
            pytest.param(flat("2.1234"), id="flat"),
            pytest.param(BLOCKS, id="blocks"),
            pytest.param(TIME_OF_USE, id="time of use, demand, per day"),
        ],
    )
    def test_has_nothing_above_it(self, components):
        table = licensed(components)
        estate = estate_on(table)
        compare(estate, table)
        for number in range(1, 4):
            meter = home(estate, f"A{number}")
            for day in range(1, 29):
                count(meter, datetime(2026, 7, day, day % 24, 15, tzinfo=UTC), f"{number}.357")
        bill()

        (found,) = check(estate)

        assert found.found.charged == found.found.allowed == charged_in_july() > 0
        assert [one.difference for one in found.found.units] == [0, 0, 0]
        assert (found.found.excess, found.found.over, found.is_in_order) == (0, 0, True)


class TestExcess:
    def test_is_told_by_unit_and_in_all_and_not_netted(self):
        # Charged by blocks, licensed at R2.00: small users pay less, large ones more.
        estate = estate_on(table_of(BLOCKS))
        compare(estate, licensed(flat("2.00")))
        for number, kwh in (("A1", "10"), ("A2", "400"), ("A3", "300")):
            use(home(estate, number), FOURTH, kwh)
        bill()

        (found,) = check(estate)

        # R15, R975, R675 charged; R20, R800, R600 allowed; VAT on top.
        assert [(one.unit_number, one.excess) for one in found.found.units] == [
            ("A2", Decimal("201.25")), ("A3", Decimal("86.25")), ("A1", 0),
        ]  # fmt: skip
        assert found.found.units[2].difference == Decimal("-5.75")
        assert (found.found.excess, found.found.over) == (Decimal("287.50"), 2)
        assert not found.is_in_order

    def test_of_a_markup_is_the_markup_and_is_warned_of(self):
        table = licensed(flat("2.00"))
        estate = EstateFactory.create()
        AssignmentFactory.create(estate=estate, rate_table=table, markup_percentage=Decimal(10))
        compare(estate, table)
        use(home(estate), FOURTH, "100")
        bill()

        (found,) = check(estate)

        assert found.found.excess == Decimal("23.00")
        assert found.found.units[0].markup == Decimal("20.00")
        assert found.warnings == [
            "South African resale rules expect no markup on electricity. 10 % is assigned. "
            "Bills of the month have R20.00 of it."
        ]

    def test_a_markup_on_water_is_compared_and_not_warned_of(self):
        table = licensed(flat("20.00"), utility="water")
        estate = EstateFactory.create()
        AssignmentFactory.create(estate=estate, rate_table=table, markup_percentage=Decimal(10))
        compare(estate, table)
        use(home(estate, kind="water"), FOURTH, "10")
        bill()

        (found,) = check(estate)

        assert (found.warnings, found.found.excess) == ([], Decimal("23.00"))

    def test_is_not_told_without_a_reference_though_a_markup_is(self):
        estate = EstateFactory.create()
        AssignmentFactory.create(
            estate=estate, rate_table=table_of(flat("2.00")), markup_percentage=Decimal(5)
        )
        use(home(estate), FOURTH, "100")
        bill()

        (found,) = check(estate)

        assert (found.reference, found.found.units) == (None, ())
        assert "5 % is assigned" in found.warnings[0]
        assert not found.is_in_order

    def test_names_what_could_not_be_compared(self):
        estate = estate_on(table_of(flat("2.00")))
        compare(estate, licensed(TIME_OF_USE))
        use(home(estate, "A1"), FOURTH, "10")
        home(estate, "A2")
        bill()
        use(home(estate, "A3"), FOURTH, "10")

        (found,) = check(estate)

        assert [one.unit_number for one in found.not_priced] == ["A1"]
        assert [one.unit_number for one in found.found.units] == ["A2"]
        assert (found.not_billed, found.is_in_order) == (1, False)

    def test_changes_nothing(self):
        estate = estate_on(table_of(BLOCKS))
        compare(estate, licensed(flat("2.00")))
        use(home(estate), FOURTH, "100")
        bill()
        before = (list(Bill.objects.order_by("pk").values()), Transaction.objects.count())

        check(estate)

        assert (list(Bill.objects.order_by("pk").values()), Transaction.objects.count()) == before


class TestReferences:
    def test_are_one_for_a_utility(self):
        estate = EstateFactory.create()
        compare(estate, licensed(flat()))
        second = licensed(flat("3"))

        compare(estate, second)

        assert ReferenceTable.objects.get().rate_table == second

    def test_are_licensed_prices_of_the_utility_that_the_estate_may_use(self):
        estate = EstateFactory.create()
        for table, error in (
            (table_of(flat()), NotAReference),
            (licensed(flat(), estate=EstateFactory.create()), AnotherEstate),
        ):
            with pytest.raises(error):
                references.name(estate=estate, utility="electricity", rate_table=table)
        with pytest.raises(WrongUtility):
            references.name(estate=estate, utility="water", rate_table=licensed(flat()))
        assert not ReferenceTable.objects.exists()


class TestApi:
    @pytest.fixture
    def charged(self) -> Estate:
        estate = estate_on(table_of(flat("2.50")))
        compare(estate, licensed(flat("2.00"), name="Home power"))
        use(home(estate, "=A1"), FOURTH, "10")
        bill()
        return estate

    def test_tells_the_excess(self, charged):
        answer = Client(UserFactory.create()).get(
            "/reports/resale-compliance", {"estate": str(charged.pk), "month": "2026-07"}
        )

        assert answer.status_code == 200
        data = answer.json()["data"]
        ((one,),) = [month["utilities"] for month in data["months"]]
        assert (one["charged"], one["allowed"], one["excess"]) == ("28.75", "23.00", "5.75")
        assert one["reference"]["name"] == "Home power"
        assert (data["from"], data["to"]) == ("2026-07-01", "2026-07-31")
        assert [(row["unit_number"], row["consumption"]) for row in data["rows"]] == [
            ("=A1", "10.000")
        ]

    def test_as_a_table_for_spreadsheets(self, charged):
        answer = Client(UserFactory.create()).get(
            "/reports/resale-compliance", {"estate": str(charged.pk), "month": "2026-07"},
            HTTP_ACCEPT="text/csv",
        )  # fmt: skip

        assert answer["Content-Type"].startswith("text/csv")
        unit = charged.units.get().pk
        assert told(answer).decode().splitlines()[1] == (
            f"2026-07,electricity,{unit},'=A1,10.000,kWh,28.75,23.00,5.75,5.75,0.00,yes,"
        )

    def test_as_a_workbook_of_numbers_and_text(self, charged):
        answer = Client(UserFactory.create()).get(
            "/reports/resale-compliance",
            {"estate": str(charged.pk), "month": "2026-07", "format": "xlsx"},
        )

        assert "resale-" in answer["Content-Disposition"]
        rows = worksheet(told(answer))
        assert rows[0][:4] == ["Month", "Utility", "Unit id", "Unit"]
        assert rows[1][3:] == ["=A1", 10, "kWh", 28.75, 23, 5.75, 5.75, 0, "yes", ""]

    def test_over_some_months_by_month_and_by_utility(self, charged):
        use(home(charged, "W1", kind="water"), date(2026, 8, 2), "3")
        use(charged.units.get(unit_number="=A1").installations.get().meter, date(2026, 8, 2), "20")
        bill(now=datetime(2026, 8, 20, tzinfo=UTC))
        client = Client(UserFactory.create())
        asked = {"estate": str(charged.pk), "from": "2026-07-15", "to": "2026-08-10"}

        def rows(**more: str) -> list[dict[str, object]]:
            answer = client.get("/reports/resale-compliance", {**asked, **more})
            return list(answer.json()["data"]["rows"])

        power = {"utility": "electricity"}
        by_month = rows(group_by="month", **power)
        assert [(row["month"], row["excess"]) for row in by_month] == [
            ("2026-07", "5.75"), ("2026-08", "11.50"),
        ]  # fmt: skip
        (in_all,) = rows(group_by="utility", **power)
        assert (in_all["excess"], in_all["consumption"], in_all["units"]) == ("17.25", "30.000", 1)
        assert [row["remark"] for row in rows(group_by="utility")] == [
            "",
            "no reference rate table",
        ]
        assert [row["month"] for row in rows(utility="water")] == ["2026-07", "2026-08"]

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"month": "2126-01"}, 422), ({"month": "x"}, 422), ({"estate": "x"}, 422),
            ({"other": "1"}, 422), ({"format": "pdf"}, 422), ({"utility": "gas"}, 422),
            ({"group_by": "day"}, 422), ({"month": "2026-07", "from": "2026-07-01"}, 422),
            ({"from": "2026-07-01", "to": "2126-01-01"}, 422), ({"to": "x"}, 422),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong(self, charged, changes, status):
        asked = {"estate": str(charged.pk)} | changes

        answer = Client(UserFactory.create()).get("/reports/resale-compliance", asked)

        assert answer.status_code == status

    def test_is_closed_to_other_estates(self, charged):
        asked = {"estate": str(charged.pk), "month": "2026-07"}
        stranger, member = UserFactory.create_batch(2, role="viewer")
        charged.memberships.create(user=member)

        assert Client(stranger).get("/reports/resale-compliance", asked).status_code == 404
        assert Client(member).get("/reports/resale-compliance", asked).status_code == 200
        assert Client(member).get("/reports/resale-compliance").status_code == 422

    def test_names_the_reference_of_a_utility(self, charged):
        client = Client(UserFactory.create())
        path = f"/estates/{charged.pk}/reference-rates"
        other = licensed(flat("1.00"))

        put = client.put(path, {"utility": "electricity", "rate_table": str(other.pk)})
        assert put.status_code == 200
        named = AuditEntry.objects.filter(object_id=put.json()["data"]["id"], action="update")
        assert named.exists()
        assert [one["rate_table"] for one in client.get(path).json()["data"]] == [str(other.pk)]
        plain = str(table_of(flat()).pk)
        refused = client.put(path, {"utility": "electricity", "rate_table": plain})
        assert (refused.status_code, refused.json()["code"]) == (400, "not_a_reference")
        gone = client.put(path, {"utility": "electricity", "rate_table": None})
        assert gone.status_code == 204
        assert client.get(path).json()["data"] == []

    def test_lets_only_who_keeps_the_rates_name_it(self, charged):
        body = {"utility": "electricity", "rate_table": None}
        path = f"/estates/{charged.pk}/reference-rates"
        for role, status in (("viewer", 403), ("property_manager", 403), ("billing_admin", 204)):
            user = UserFactory.create(role=role)
            assert Client(user).put(path, body).status_code == (404 if status == 204 else 403)
            charged.memberships.create(user=user)
            assert Client(user).put(path, body).status_code == status, role


class TestCommand:
    def test_succeeds_if_all_is_in_order_and_else_fails(self, capsys):
        table = licensed(flat("2.00"))
        estate = estate_on(table)
        use(home(estate), FOURTH, "10")
        bill()

        with pytest.raises(CommandError, match="To look at: electricity"):
            call_command("check_resale", estate=estate.code, month=JULY)
        assert "no licensed rate table is named" in capsys.readouterr().err
        compare(estate, table)
        call_command("check_resale", estate=estate.code, month=JULY)
        compare(estate, licensed(flat("1.00")))
        with pytest.raises(CommandError):
            call_command("check_resale", estate=estate.code, month=JULY)

        assert "A1: 23.00 - 11.50 = 11.50" in capsys.readouterr().out


class TestPage:
    def browser(self, role: str, *estates: Estate) -> Browser:
        user = UserFactory.create(role=role)
        for estate in estates:
            estate.memberships.create(user=user)
        client = Browser()
        client.force_login(user, backend="accounts.backends.RoleBackend")
        return client

    def test_shows_the_excess_of_each_unit_or_what_is_missing(self):
        estate = estate_on(RateTableFactory.create())
        month = previous_month(local_day(timezone.now()))
        use(home(estate, "A1"), month, "10")
        runs.bill(now=timezone.now())
        url = reverse("admin:estates_estate_resale", args=[estate.pk])
        client = self.browser("billing_admin", estate)
        page = client.get(reverse("admin:estates_estate_change", args=[estate.pk]))
        assert url in page.content.decode()

        empty = client.post(url, {"month": month.isoformat()}).content.decode()
        assert "No licensed rate table is named for electricity" in empty
        compare(estate, licensed(flat("2.00")))
        answer = client.post(url, {"month": month.isoformat()})

        assert answer.context["made"].utilities[0].found.excess == Decimal("1.15")
        assert "Above the licensed price" in answer.content.decode()

    def test_gives_the_same_as_files(self):
        estate = estate_on(table_of(flat("3.00")))
        month = previous_month(local_day(timezone.now()))
        use(home(estate, "A1"), month, "10")
        runs.bill(now=timezone.now())
        compare(estate, licensed(flat("2.00")))
        url = reverse("admin:estates_estate_resale", args=[estate.pk])
        client = self.browser("billing_admin", estate)

        csv = client.post(url, {"month": month.isoformat(), "_csv": ""})
        xlsx = client.post(url, {"month": month.isoformat(), "_xlsx": ""})

        assert ",10.000,kWh,34.50,23.00,11.50,11.50,0.00,yes," in told(csv).decode()
        assert worksheet(told(xlsx))[1][8:10] == [11.5, 11.5]

    def test_is_closed_to_strangers(self):
        url = reverse("admin:estates_estate_resale", args=[EstateFactory.create().pk])

        assert self.browser("viewer").get(url).status_code == 404
        assert self.browser("resident").get(url).status_code == 302

    def test_references_are_named_in_the_portal(self):
        estate = EstateFactory.create()
        client = self.browser("billing_admin", estate)
        url = reverse("admin:rates_referencetable_add")
        sent = {"estate": estate.pk, "utility": "electricity"}

        plain = client.post(url, sent | {"rate_table": table_of(flat()).pk})
        assert "Mark the rate table as a reference" in plain.content.decode()
        done = client.post(url, sent | {"rate_table": licensed(flat()).pk})
        assert done.status_code == 302
        assert ReferenceTable.objects.get().estate == estate
