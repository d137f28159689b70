"""What people who live in a home see of it, what those before them do, and nobody else."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import roles
from accounts.models import User
from accounts.tests.factories import UserFactory
from meters.api.past import OF_NOW
from meters.models import DailyConsumption, Interval, Meter, Reading
from meters.tests.factories import MeterFactory
from quantify.periods import midnight
from quantify.tests.client import Client
from units.models import Occupancy, Unit
from units.tests.factories import OccupancyFactory
from wallets.models import Bill, Charge, Transaction, Wallet
from wallets.tests.billing.test_billing import metered_unit
from wallets.tests.metering import count, use
from wallets.tests.moments import top_up
from wallets.tests.office.test_settlement import END, JULY, bill, moved_out, noon, read, settle

pytestmark = pytest.mark.django_db


@dataclass
class Home:
    """A unit where one person lived up to 15 July and another lives since."""

    unit: Unit
    meter: Meter
    wallet: Wallet
    past: User
    present: User


def signs_in(occupancy: Occupancy) -> User:
    user = UserFactory.create(role=roles.RESIDENT)
    occupancy.resident.user = user
    occupancy.resident.save()
    return user


@pytest.fixture
def home() -> Home:
    before = moved_out()
    unit = before.unit
    wallet = Wallet.objects.get(unit=unit)
    meter = Meter.objects.get(installations__unit=unit)
    top_up(wallet, "100.00", occurred_at=noon(date(2026, 7, 2)), reference="PAST-PAID")
    count(meter, midnight(date(2026, 7, 4)) + timedelta(hours=10), "1")
    count(meter, midnight(END), "2")
    use(meter, date(2026, 7, 16), "5")
    read(meter, "1020", at=midnight(date(2026, 7, 20)))
    bill()
    settle(before, "eft")
    after = OccupancyFactory.create(unit=unit, starts_on=END)
    top_up(wallet, "50.00", occurred_at=noon(date(2026, 7, 17)), reference="PRESENT-PAID")
    return Home(unit, meter, wallet, signs_in(before), signs_in(after))


class TestPresentTenant:
    def test_sees_the_home_as_it_is(self, home: Home):
        api = Client(home.present)

        assert [one["id"] for one in api.get("/units").json()["data"]] == [str(home.unit.pk)]
        shown = api.get(f"/units/{home.unit.pk}").json()["data"]
        assert shown["wallet"]["id"] == str(home.wallet.pk)
        assert [one["id"] for one in api.get("/meters").json()["data"]] == [str(home.meter.pk)]
        assert api.get(f"/meters/{home.meter.pk}/status").status_code == 200
        assert api.get(f"/wallets/{home.wallet.pk}/forecast").status_code == 200
        me = api.get("/auth/me").json()["data"]
        assert [one["id"] for one in me["estates"]] == [str(home.unit.estate_id)]
        assert me["role"]["code"] == "resident"

    def test_sees_nothing_of_who_lived_there_before(self, home: Home):
        api = Client(home.present)

        wallet = api.get(f"/wallets/{home.wallet.pk}").content.decode()
        listed = api.get("/transactions").content.decode()

        for text in (wallet, listed):
            assert "PRESENT-PAID" in text
            assert "PAST-PAID" not in text
        for earlier in Transaction.objects.filter(occurred_at__lt=midnight(END)):
            assert api.get(f"/transactions/{earlier.pk}").status_code == 404
            assert api.get(f"/transactions/{earlier.pk}/explain").status_code == 404
        readings = api.get(f"/meters/{home.meter.pk}/readings").json()["data"]
        assert [one["value"] for one in readings] == ["1020.000", "1010.000"]

    @pytest.mark.parametrize(
        ("group_by", "quantities"),
        [("interval", ["2.000"]), ("hour", ["2.000"]), ("day", ["2.000", "5.000"]),
         ("month", ["7.000"])],
    )  # fmt: skip
    def test_sees_the_use_of_their_own_days(self, home: Home, group_by: str, quantities: list[str]):
        query = f"from=2026-07-01&to=2026-08-01&group_by={group_by}"

        rows = Client(home.present).get(f"/meters/{home.meter.pk}/intervals?{query}").json()["data"]

        assert [row["quantity"] for row in rows] == quantities

    def test_has_a_statement_of_their_own_days(self, home: Home):
        api, path = Client(home.present), f"/wallets/{home.wallet.pk}/statement"

        own = api.get(f"{path}?from=2026-07-15&to=2026-07-31")
        beyond = api.get(f"{path}?from=2026-07-01&to=2026-07-31")
        open_start = api.get(f"{path}?to=2026-07-31").json()["data"]

        body = own.content.decode()
        assert "PRESENT-PAID" in body
        assert "PAST-PAID" not in body
        assert [one["total"] for one in own.json()["data"]["bills"]] == ["16.10"]
        assert (beyond.status_code, beyond.json()["errors"][0]["code"]) == (422, "outside_stay")
        assert (open_start["from"], open_start["to"]) == ("2026-07-15", "2026-07-31")


class TestFormerTenant:
    def test_sees_their_own_time_alone(self, home: Home):
        api = Client(home.past)

        listed = api.get("/transactions").content.decode()
        assert "PAST-PAID" in listed
        assert "PRESENT-PAID" not in listed
        readings = api.get(f"/meters/{home.meter.pk}/readings").json()["data"]
        assert [one["value"] for one in readings] == []
        days = api.get(f"/meters/{home.meter.pk}/intervals?from=2026-07-01&group_by=day")
        assert [row["quantity"] for row in days.json()["data"]] == ["10.000", "1.000"]

    def test_has_the_closing_statement(self, home: Home):
        api, path = Client(home.past), f"/wallets/{home.wallet.pk}/statement"

        last_month = api.get(path).json()["data"]
        whole = api.get(f"{path}?from=2026-06-01&to=2026-07-14").json()["data"]

        assert (last_month["from"], last_month["to"]) == ("2026-07-01", "2026-07-14")
        assert whole["closing"] == {"balance": "0.00", "arrears": "0.00"}
        assert {one["reference"] for one in whole["movements"]} >= {"PAST-PAID"}
        assert api.get(f"{path}?from=2026-07-14&to=2026-07-15").status_code == 422

    def test_sees_nothing_of_what_is_now(self, home: Home):
        api = Client(home.past)

        for path in ("/units", "/wallets"):
            assert api.get(path).json()["data"] == []
        for path in (
            f"/units/{home.unit.pk}",
            f"/meters/{home.meter.pk}/status",
            f"/wallets/{home.wallet.pk}",
            f"/wallets/{home.wallet.pk}/forecast",
        ):
            assert api.get(path).status_code == 404, path

    def test_sees_the_meter_without_what_it_shows_now(self, home: Home):
        Meter.objects.update(relay_state="disconnected", last_contact_at=noon(date(2026, 7, 20)))
        api, path = Client(home.past), f"/meters/{home.meter.pk}"

        (listed,) = api.get("/meters").json()["data"]
        shown = api.get(path).json()["data"]
        as_file = api.get("/meters", HTTP_ACCEPT="text/csv").getvalue().decode()

        for told in (listed, shown):
            assert told["serial"] == home.meter.serial
            assert {told[name] for name in OF_NOW} == {None}
        assert shown["installation"] is None
        assert home.meter.serial in as_file
        assert not [word for word in ("disconnected", "2026", str(home.unit.pk)) if word in as_file]
        for query in ("relay_state=disconnected", "sort=last_contact_at"):
            assert api.get(f"/meters?{query}").json()["data"] == [], query
            assert len(Client(home.present).get(f"/meters?{query}").json()["data"]) == 1, query

    def test_sees_no_meter_that_came_after(self, home: Home):
        later = MeterFactory.create(
            estate=home.unit.estate, kind="water", installed=True,
            installation__unit=home.unit, installation__starts_at=noon(END),
        )  # fmt: skip

        api = Client(home.past)

        assert [one["id"] for one in api.get("/meters").json()["data"]] == [str(home.meter.pk)]
        for path in (f"/meters/{later.pk}", f"/meters/{later.pk}/readings"):
            assert api.get(path).status_code == 404, path

    def test_sees_no_bill_that_others_use_is_in(self, home: Home):
        def bills(user: User) -> list[date | None]:
            return list(
                Bill.objects.visible_to(user).filter(month=JULY).values_list("since", flat=True)
            )

        assert (bills(home.past), bills(home.present)) == ([None], [END])


class TestEverybodyElse:
    def test_sees_nothing(self, home: Home):
        other = signs_in(OccupancyFactory.create(unit__estate=home.unit.estate))
        loose = UserFactory.create(role=roles.RESIDENT)
        for user in (other, loose):
            api = Client(user)
            for path in ("/transactions", "/residents"):
                ids = {one["id"] for one in api.get(path).json()["data"]}
                assert not ids & {str(t.pk) for t in Transaction.objects.all()}
            for path in (
                f"/units/{home.unit.pk}",
                f"/meters/{home.meter.pk}",
                f"/meters/{home.meter.pk}/readings",
                f"/meters/{home.meter.pk}/intervals",
                f"/wallets/{home.wallet.pk}",
                f"/wallets/{home.wallet.pk}/statement",
            ):
                assert api.get(path).status_code == 404, path
        for rows in (Reading, Interval, DailyConsumption, Transaction, Charge, Bill):
            assert not rows.objects.visible_to(other).exists()

    def test_a_resident_changes_nothing(self, home: Home):
        api = Client(home.present)
        before = Transaction.objects.count()

        tries = [
            api.post(f"/wallets/{home.wallet.pk}/topup",
                     {"amount": "10.00", "payment_method": "cash", "reference": "X"}),
            api.patch(f"/wallets/{home.wallet.pk}", {"low_balance_limit": "1.00"}),
            api.patch(f"/units/{home.unit.pk}", {"building": "X"}),
            api.post(f"/meters/{home.meter.pk}/readings", {"taken_at": "2026-07-20T10:00:00Z",
                                                           "value": "1"}),
            api.post(f"/meters/{home.meter.pk}/commands", {"action": "reconnect", "reason": "x"}),
            api.get("/estates"),
            api.get("/meter-alerts"),
            api.get("/users"),
        ]  # fmt: skip

        assert {answer.status_code for answer in tries} == {403}
        assert Transaction.objects.count() == before

    def test_a_login_that_is_off_sees_nothing(self, home: Home):
        User.objects.filter(pk=home.present.pk).update(is_active=False)

        assert Client(home.present).get("/units").status_code == 401


class TestOwner:
    def test_sees_the_home_while_no_tenant_lives_there(self):
        meter = metered_unit([{"kind": "energy", "price": "2.00"}])
        unit = Wallet.objects.get(unit__installations__meter=meter).unit
        owner = signs_in(
            OccupancyFactory.create(unit=unit, kind="owner", starts_on=date(2026, 1, 1))
        )
        OccupancyFactory.create(unit=unit, starts_on=date(2026, 3, 1), ends_on=date(2026, 5, 1))
        for day in (date(2026, 2, 1), date(2026, 4, 1), date(2026, 6, 1)):
            use(meter, day, "1")

        seen = DailyConsumption.objects.visible_to(owner).order_by("day")

        assert [row.day for row in seen] == [date(2026, 2, 1), date(2026, 6, 1)]
        assert list(Unit.objects.visible_to(owner)) == [unit]
        later = User.objects.get(pk=owner.pk)
        OccupancyFactory.create(unit=unit, starts_on=datetime.now(UTC).date())
        assert not Unit.objects.visible_to(later).exists()


class TestCost:
    def test_is_five_statements_for_a_list(self, home: Home, django_assert_max_num_queries):
        api = Client(home.present)
        paths = ("/units", "/wallets", "/transactions", "/meters",
                 f"/meters/{home.meter.pk}/readings")  # fmt: skip
        for path in paths:
            api.get(path)

            with django_assert_max_num_queries(5):
                assert api.get(path).status_code == 200
