"""The portal as a whole: its home, its formats, its signing in, and what its pages cost."""

import re
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import roles
from accounts.models import Role, User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.tests.factories import EstateFactory
from quantify.portal import formats
from quantify.portal.base import SeriesAdmin
from quantify.tests import world
from quantify.tests.world import World

OURS, THEIRS = "WC001", "OG001"
STAFF = [roles.SUPER_ADMIN, roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER]
PAGES = sorted(admin.site._registry.values(), key=lambda page: page.opts.label)

pytestmark = pytest.mark.django_db


def page_url(page: admin.ModelAdmin, name: str, *args: object) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_{name}", args=args)


@pytest.fixture
def two_estates() -> tuple[World, World]:
    world.build_system()
    return world.build(OURS), world.build(THEIRS)


def member(role: str | Role, estates: list[World]) -> User:
    user = UserFactory.create(role=role)
    for built in estates:
        built.estate.memberships.create(user=user)
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


class TestEveryPage:
    @pytest.mark.parametrize("role", STAFF)
    def test_lists_every_app(self, role: str, two_estates: tuple[World, World]):
        client = client_of(member(role, list(two_estates)))

        assert client.get(reverse("admin:index")).status_code == 200
        for app_label in {page.opts.app_label for page in PAGES}:
            status = client.get(reverse("admin:app_list", args=[app_label])).status_code
            assert status in (200, 404), app_label

    def test_is_sorted_by_each_column_that_offers_it(self):
        user = UserFactory.create()
        for page in PAGES:
            for number in range(1, len(page.list_display) + 1):
                request = RequestFactory().get("/", {"o": number})
                request.user = user
                list(page.get_changelist_instance(request).result_list)

    @pytest.mark.parametrize("path", ["not-a-uuid", "00000000-0000-7000-8000-000000000000"])
    def test_answers_404_for_what_is_not_there(self, path: str):
        client = client_of(UserFactory.create())
        for page in PAGES:
            for name in ("change", "history", "delete"):
                allowed = (403, 404) if name == "delete" else (404,)
                assert client.get(page_url(page, name, path)).status_code in allowed, name


class TestScope:
    def test_bounds_the_home_page(self, two_estates: tuple[World, World]):
        ours, _ = two_estates
        client = client_of(member(roles.VIEWER, [ours]))

        home = client.get(reverse("admin:index"))

        assert THEIRS not in home.content.decode()
        assert home.context["fleet"].meters == 1
        assert home.context["flow"].money_in == 200


def counters(built: World) -> list[str]:
    """The pages where money is moved by hand: top-up, refund, adjust, charge, reverse."""
    wallet = built.wallets[0]
    names = ("top_up", "refund", "adjust", "service_charge")
    return [
        *(reverse(f"admin:wallets_wallet_{name}", args=[wallet.pk]) for name in names),
        reverse("admin:wallets_transaction_reverse", args=[wallet.transactions.first().pk]),
    ]


class TestCounters:
    @pytest.mark.parametrize(
        ("role", "offered"),
        [(roles.BILLING_ADMIN, True), (roles.PROPERTY_MANAGER, False), (roles.VIEWER, False)],
    )
    def test_are_reached_by_buttons(
        self, role: str, offered: bool, two_estates: tuple[World, World]
    ):
        ours, _ = two_estates
        client = client_of(member(role, [ours]))
        wallet = ours.wallets[0]
        pages = client.get(reverse("admin:wallets_wallet_change", args=[wallet.pk])).content
        made = wallet.transactions.first()
        pages += client.get(reverse("admin:wallets_transaction_change", args=[made.pk])).content

        for url in counters(ours)[1:]:
            assert (f'href="{url}"' in pages.decode()) is offered, url


class TestQueries:
    MOST = 15

    def test_do_not_grow_with_the_rows(self):
        world.build_system()
        world.build(OURS, units=30, days=1)
        client = client_of(UserFactory.create())
        for page in PAGES:
            url = page_url(page, "changelist")
            client.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url, follow=True).status_code == 200
            most = f"{page.opts.label}: {len(queries)}\n" + "\n".join(
                re.sub(r"SELECT .*? FROM", "SELECT … FROM", q["sql"])[:160] for q in queries
            )
            assert len(queries) <= self.MOST, most

    def test_series_are_neither_counted_nor_sorted_by_anything_but_their_key(self):
        world.build(OURS, days=1)
        client = client_of(UserFactory.create())
        for page in PAGES:
            if not isinstance(page, SeriesAdmin):
                continue
            with CaptureQueriesContext(connection) as queries:
                client.get(page_url(page, "changelist"))
            sql = [query["sql"] for query in queries if page.opts.db_table in query["sql"]]
            assert not [query for query in sql if "COUNT(" in query]
            assert not [query for query in sql if re.search(r'ORDER BY.*"id" (ASC|DESC)', query)]

    def test_the_home_page_takes_thirteen(self):
        world.build(OURS, units=5, days=1)
        client = client_of(UserFactory.create())
        client.get(reverse("admin:index"))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("admin:index"))

        assert len(queries) <= 13, "\n".join(query["sql"][:150] for query in queries)


HOME_SHOWS = {
    "wallets.view_wallet": ("balances", ["Held in wallets", "Low or empty", "Lowest wallets"]),
    "wallets.view_transaction": ("flow", ["Money in, 7 days"]),
    "meters.view_meter": ("fleet", ["Meters online", "Supplies cut"]),
    "meters.view_meteralert": ("alerts", ["Open alerts"]),
    "meters.view_dailyconsumption": ("used", ["Electricity by estate", "Electricity today"]),
}


class TestHome:
    @pytest.mark.parametrize(
        ("role", "words"),
        [
            pytest.param(roles.SUPER_ADMIN, "Add the first estate", id="super admin"),
            pytest.param(roles.VIEWER, "Ask a super admin", id="viewer"),
        ],
    )
    def test_says_what_to_do_when_empty(self, role: str, words: str):
        home = client_of(UserFactory.create(role=role)).get(reverse("admin:index"))

        assert words in home.content.decode()

    def test_shows_what_the_role_sees_elsewhere_and_asks_for_nothing_else(self):
        role = RoleFactory.create(permissions=["notifications.view_template"])
        client = client_of(member(role, [world.build(OURS, days=1)]))
        for permission in sorted(roles.GRANTABLE):
            Role.objects.filter(pk=role.pk).update(permissions=[permission])
            with CaptureQueriesContext(connection) as queries:
                home = client.get(reverse("admin:index"))

            assert home.status_code == 200
            text = home.content.decode()
            for needed, (block, titles) in HOME_SHOWS.items():
                is_shown = needed == permission
                assert (block in home.context) is is_shown, permission
                assert [title for title in titles if title in text] == (titles if is_shown else [])
            if permission not in HOME_SHOWS:
                assert "Your role shows no figures here" in text
                asked = "".join(query["sql"] for query in queries)
                assert not re.findall(r'FROM "(?:wallets|meters)_\w+"', asked), permission

    @pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.VIEWER])
    def test_leads_only_where_the_role_may_go(self, role: str):
        estate = EstateFactory.create()
        user = UserFactory.create(role=role)
        estate.memberships.create(user=user)
        client = client_of(user)

        start = client.get(reverse("admin:index")).context["start"]

        assert start["title"] == "No units yet"
        assert ("url" in start) is (role == roles.PROPERTY_MANAGER)

    def test_adds_up(self):
        built = world.build(OURS, units=2, days=2, paid_in="50.00")
        home = client_of(UserFactory.create()).get(reverse("admin:index")).context

        assert home["balances"].balance == sum(wallet.balance for wallet in built.wallets)
        assert home["balances"].low + home["balances"].empty == 2
        assert [alert["number"] for alert in home["alerts"]] == [0, 0, 2, 0]
        yesterday = home["utilities"][0].yesterday
        assert 0 < yesterday <= 2 * 96 * world.WH_PER_INTERVAL


class TestSidebar:
    @pytest.mark.parametrize(
        ("page", "entry"),
        [
            pytest.param(("index",), "Home", id="home"),
            pytest.param(("estates_estate_changelist",), "Estates", id="list"),
            pytest.param(("estates_estate_add",), "Estates", id="page of a list"),
            pytest.param(("report", "revenue"), "Revenue", id="report"),
            pytest.param(("credit_control",), "Credit control", id="page beside a list"),
        ],
    )
    def test_lets_the_open_page_stand_out_and_nothing_else(self, page: tuple[str, ...], entry: str):
        name, *args = page

        shown = client_of(UserFactory.create()).get(reverse(f"admin:{name}", args=args))

        groups = shown.context["sidebar_navigation"]
        active = [one["title"] for group in groups for one in group["items"] if one["active"]]
        assert active == [entry]


class TestFormats:
    @pytest.mark.parametrize(
        ("amount", "written"),
        [
            ("1234.56", "R 1 234.56"),
            ("-3.1", "-R 3.10"),
            ("0", "R 0.00"),
            ("1000000", "R 1 000 000.00"),
        ],
    )
    def test_money(self, amount: str, written: str):
        assert formats.money_text(Decimal(amount)) == written.replace(" ", "\u00a0")

    def test_negative_money_is_red_and_has_a_minus(self):
        assert "q-negative" in formats.money(Decimal(-1))
        assert "-R" in formats.money(Decimal(-1))

    def test_quantities_have_three_decimals(self):
        assert formats.quantity_text(1234567, "kWh") == "1\u00a0234.567\u00a0kWh"
        assert formats.quantity_text(-5, "kl") == "-0.005\u00a0kl"


class TestSigningIn:
    def test_is_where_the_root_address_leads(self):
        answer = Client().get("/", follow=True)

        assert answer.redirect_chain[-1][0].startswith(reverse("admin:login"))

    def test_offers_no_link_back_to_itself(self):
        assert "Return to site" not in Client().get(reverse("admin:login")).content.decode()

    def test_opens_the_home_page(self):
        user = UserFactory.create()
        client = Client()
        answer = client.post(
            reverse("admin:login"),
            {"username": user.username, "password": "correct horse battery staple"},
        )

        assert answer.status_code == 302
        assert client.get(reverse("admin:index")).status_code == 200
        client.post(reverse("admin:logout"))
        assert client.get(reverse("admin:index")).status_code == 302

    def test_closes_after_five_failures_with_a_readable_page(self):
        user = UserFactory.create()
        client = Client()
        for _ in range(5):
            answer = client.post(
                reverse("admin:login"), {"username": user.username, "password": "wrong"}
            )

        assert answer.status_code == 429
        assert "Too many attempts" in answer.content.decode()
