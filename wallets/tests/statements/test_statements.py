import csv
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
import typst
from django.test import Client as DjangoClient
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from meters.models import Meter
from quantify.periods import local_day
from quantify.quantities import Utility
from quantify.tables.files import harmless
from quantify.tests.client import Client
from rates.tests.factories import flat
from units.models import Resident
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory
from wallets.billing import runs
from wallets.models import Wallet
from wallets.statements import files, statement, tables
from wallets.statements.statement import Statement
from wallets.tests.billing.test_billing import metered_unit
from wallets.tests.metering import use
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2026, 7, 1), date(2026, 7, 31)
MADE_AT = datetime(2026, 8, 1, 8, tzinfo=UTC)


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 20, tzinfo=UTC)


@pytest.fixture
def meter() -> Meter:
    """A home that paid R200 in June and R300 in July, and used 10 kWh on three July days."""
    meter = metered_unit(flat("2.00"))
    wallet = wallet_of(meter)
    top_up(wallet, "200.00", occurred_at=evening(date(2026, 6, 30)))
    for number in (2, 3):
        use(meter, date(2026, 7, number), "10")
        runs.bill(now=evening(date(2026, 7, number)), since=FIRST)
    top_up(wallet, "300.00", occurred_at=evening(date(2026, 7, 10)), reference="=cmd()")
    use(meter, date(2026, 7, 20), "10")
    runs.bill(now=evening(date(2026, 7, 20)), since=FIRST)
    top_up(wallet, "50.00", occurred_at=evening(date(2026, 8, 2)))
    return meter


def wallet_of(meter: Meter) -> Wallet:
    rows = Wallet.objects.select_related("unit__estate")
    return rows.get(unit__installations__meter=meter)


def settle(**changes: object) -> None:
    EstateSettings.objects.update(**changes)


def pages(pdf: bytes) -> int:
    return int(re.findall(rb"/Count (\d+)", pdf)[0])


def july(meter: Meter) -> Statement:
    return statement.of(wallet_of(meter), first_day=FIRST, last_day=LAST)


class TestStatement:
    def test_opens_and_closes_as_the_ledger(self, meter):
        made = july(meter)

        assert made.opening.balance == Decimal("200.00")
        assert made.closing.balance == Decimal("431.00")
        assert made.closing.balance == made.movements[-1].transaction.balance_after
        effects = sum(one.effect for one in made.movements)
        assert made.opening.balance + effects == made.closing.balance

    def test_follows_the_arrears(self):
        meter = metered_unit(flat("2.00"))
        use(meter, date(2026, 7, 2), "10")
        runs.bill(now=evening(date(2026, 7, 2)), since=FIRST)

        made = july(meter)

        assert made.closing.arrears == Decimal("23.00")
        assert made.closing.arrears == made.movements[-1].transaction.arrears_after

    def test_says_where_the_money_went(self, meter):
        shares = july(meter).shares

        assert (shares.paid_in, shares.energy, shares.vat) == (
            Decimal("300.00"),
            Decimal("60.00"),
            Decimal("9.00"),
        )
        assert shares.fees == shares.water == shares.refunds == 0

    def test_says_what_was_paid_and_what_is_owed(self):
        meter = metered_unit(flat("2.00"))
        top_up(wallet_of(meter), "15.00", occurred_at=evening(date(2026, 7, 1)))
        use(meter, date(2026, 7, 2), "10")
        runs.bill(now=evening(date(2026, 7, 2)), since=FIRST)

        made = july(meter)

        assert made.paid(Utility.ELECTRICITY) == Decimal("15.00")
        assert made.owed(Utility.ELECTRICITY) == Decimal("8.00")
        (used,) = files.as_data(made)["used"]
        assert (used["charged"], used["paid"], used["owed"]) == ("23.00", "15.00", "8.00")
        assert files.as_pdf(made, made_at=MADE_AT).startswith(b"%PDF")

    def test_adds_up_the_days(self, meter):
        made = july(meter)

        assert made.used(Utility.ELECTRICITY) == (30_000, Decimal("69.00"))
        assert [one.day.day for one in made.days] == [2, 3, 20]

    def test_joins_months_without_a_gap(self, meter):
        august = statement.of(
            wallet_of(meter), first_day=date(2026, 8, 1), last_day=date(2026, 8, 31)
        )

        assert august.opening == july(meter).closing
        assert august.closing.balance == Decimal("481.00")

    def test_names_who_lived_there_then(self, meter):
        unit = wallet_of(meter).unit
        names = {}
        for start, end in ((date(2026, 1, 1), FIRST), (FIRST, None)):
            resident = ResidentFactory.create(estate=unit.estate)
            OccupancyFactory.create(unit=unit, resident=resident, starts_on=start, ends_on=end)
            names[start] = str(Resident.objects.get(pk=resident.pk))

        assert july(meter).occupants == [names[FIRST]]

    def test_shows_the_prices_of_the_month(self, meter):
        (bill,) = files.as_data(july(meter))["bills"]

        assert bill["total"] == "69.00"
        assert [line["amount"] for line in bill["lines"]] == ["60.00"]

    def test_is_empty_before_anything_happened(self):
        wallet = Wallet.objects.select_related("unit__estate").get(unit=UnitFactory.create())

        made = statement.of(wallet, first_day=FIRST, last_day=LAST)

        assert made.opening == made.closing
        assert files.as_pdf(made, made_at=MADE_AT).startswith(b"%PDF")


class TestFiles:
    def table(self, meter, section):
        rows = csv.DictReader(StringIO(tables.as_csv(july(meter))))
        return [row for row in rows if row["section"] == section]

    def test_the_table_says_all_that_the_statement_says(self, meter):
        settle(statement_footer="=Thank you")
        about = {row["what"]: row["value"] for row in self.table(meter, "about")}
        assert about["unit"] == wallet_of(meter).unit.unit_number
        assert (about["from"], about["to"]) == ("2026-07-01", "2026-07-31")
        assert about["footer"] == "'=Thank you"

        (reading,) = self.table(meter, "reading")
        assert (reading["meter"], reading["utility"]) == (meter.serial, "electricity")
        days = [(r["occurred_at"], r["quantity"], r["amount"]) for r in self.table(meter, "day")]
        assert days[0] == ("2026-07-02", "10.000", "23.00")
        (used,) = self.table(meter, "used")
        assert (used["quantity"], used["unit"], used["amount"]) == ("30.000", "kWh", "69.00")
        assert (used["paid"], used["owed"]) == ("69.00", "0.00")
        prices = {row["what"]: row["amount"] for row in self.table(meter, "price")}
        assert (prices["VAT"], prices["month so far"]) == ("9.00", "69.00")
        money = {row["what"]: row["amount"] for row in self.table(meter, "money")}
        assert (money["paid_in"], money["energy"], money["water"]) == ("300.00", "60.00", "0.00")

    @pytest.mark.parametrize("template", ["standard", "compact"])
    def test_prints_in_the_estates_template_with_its_footer(self, meter, template, monkeypatch):
        settle(statement_template=template, statement_footer='Pay at #panic("the office")')
        printed = {}
        real = typst.compile

        def spy(*args, **options):
            printed.update(json.loads(options["sys_inputs"]["statement"]), root=options["root"])
            return real(*args, **options)

        monkeypatch.setattr(typst, "compile", spy)

        assert files.as_pdf(july(meter), made_at=MADE_AT).startswith(b"%PDF")
        assert printed["template"] == template
        assert printed["estate"]["footer"] == 'Pay at #panic("the office")'
        assert printed["root"].name == "statements"

    def test_compact_is_shorter(self, meter):
        standard = pages(files.as_pdf(july(meter), made_at=MADE_AT))
        for number in range(1, 32):
            use(meter, date(2026, 7, number), "10")
        longer = pages(files.as_pdf(july(meter), made_at=MADE_AT))
        settle(statement_template="compact")

        assert standard <= longer
        assert pages(files.as_pdf(july(meter), made_at=MADE_AT)) == 1 < longer

    def test_writes_a_table(self, meter):
        rows = self.table(meter, "movement")

        assert (rows[0]["kind"], rows[0]["balance"]) == ("opening", "200.00")
        assert (rows[-1]["kind"], rows[-1]["balance"]) == ("closing", "431.00")
        assert [row["effect"] for row in rows[1:3]] == ["-23.00", "-23.00"]
        assert rows[3]["reference"] == "'=cmd()"

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
    def test_takes_the_formula_out_of_text(self, text):
        assert harmless(text) == f"'{text}"

    def test_leaves_plain_text(self):
        assert harmless("EFT-1") == "EFT-1"

    def test_prints_markup_as_text(self, meter):
        top_up(
            wallet_of(meter),
            "10.00",
            occurred_at=evening(date(2026, 7, 21)),
            reference='#panic("x") $ ] " \\',
        )

        assert files.as_pdf(july(meter), made_at=MADE_AT).startswith(b"%PDF")


class TestApi:
    @pytest.fixture
    def client(self, meter: Meter) -> Client:
        user = UserFactory.create(role=roles.BILLING_ADMIN)
        wallet_of(meter).unit.estate.memberships.create(user=user)
        return Client(user)

    def path(self, meter: Meter, query: str = "?from=2026-07-01&to=2026-07-31") -> str:
        return f"/wallets/{wallet_of(meter).pk}/statement{query}"

    def test_answers_json(self, client, meter):
        answer = client.get(self.path(meter))

        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["from"], data["to"]) == ("2026-07-01", "2026-07-31")
        assert data["closing"]["balance"] == "431.00"

    @pytest.mark.parametrize(
        ("media_type", "begin"), [("text/csv", b"section,"), ("application/pdf", b"%PDF")]
    )
    def test_answers_files(self, client, meter, media_type, begin):
        answer = client.get(self.path(meter), HTTP_ACCEPT=media_type)

        assert answer.status_code == 200
        assert answer["Content-Type"].split(";")[0] == media_type
        assert answer.content.startswith(begin)
        assert "attachment" in answer["Content-Disposition"]

    def test_refuses_other_media_types(self, client, meter):
        answer = client.get(self.path(meter), HTTP_ACCEPT="text/html")

        assert answer.status_code == 406
        assert answer.json()["code"] == "not_acceptable"

    @pytest.mark.parametrize(
        "query",
        [
            "?from=2026-07-32",
            "?to=soon",
            "?from=2026-07-02&to=2026-07-01",
            "?from=2020-01-01",
            "?x=1",
        ],
    )
    def test_refuses_days_that_are_none(self, client, meter, query):
        assert client.get(self.path(meter, query)).status_code == 422

    @pytest.mark.parametrize("media_type", ["application/json", "application/pdf"])
    def test_hides_the_wallets_of_others(self, meter, media_type):
        stranger = Client(UserFactory.create(role=roles.BILLING_ADMIN))

        answer = stranger.get(self.path(meter), HTTP_ACCEPT=media_type)

        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


class TestPortal:
    def press(self, meter: Meter, user, **form):
        client = DjangoClient()
        client.force_login(user, backend="accounts.backends.RoleBackend")
        url = reverse("admin:wallets_wallet_statement", args=[wallet_of(meter).pk])
        return client.post(url, form) if form else client.get(url)

    def test_asks_for_the_month_and_prints_it(self, meter):
        viewer = UserFactory.create(role=roles.VIEWER)
        wallet_of(meter).unit.estate.memberships.create(user=viewer)
        month = local_day(timezone.now()).replace(day=1)

        assert self.press(meter, viewer).status_code == 200
        answer = self.press(meter, viewer, month=month.isoformat(), _pdf="")

        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")

    def test_shows_the_month_on_the_screen(self, meter):
        viewer = UserFactory.create(role=roles.VIEWER)
        wallet = wallet_of(meter)
        wallet.unit.estate.memberships.create(user=viewer)
        month = local_day(timezone.now()).replace(day=1)
        top_up(wallet, "70.00", occurred_at=timezone.now(), reference="EFT-7")
        settle(statement_footer="Thank <you>")

        answer = self.press(meter, viewer, month=month.isoformat())

        body = answer.content.decode()
        for words in ("Opening balance", "For energy, before VAT", "VAT", "EFT-7", meter.serial):
            assert words in body
        assert "Thank &lt;you&gt;" in body
        assert wallet.unit.estate.name in body

    def test_answers_a_table(self, meter):
        viewer = UserFactory.create(role=roles.VIEWER)
        wallet_of(meter).unit.estate.memberships.create(user=viewer)
        month = local_day(timezone.now()).replace(day=1)

        answer = self.press(meter, viewer, month=month.isoformat(), _csv="")

        assert answer["Content-Type"] == "text/csv"
        assert answer.content.startswith(b"section,")

    def test_hides_the_wallets_of_others(self, meter):
        stranger = UserFactory.create(role=roles.VIEWER)

        assert self.press(meter, stranger).status_code in (302, 404)
