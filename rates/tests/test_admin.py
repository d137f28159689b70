"""Rate tables and their versions in the portal."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from rates import assignments, references
from rates.models import Assignment, RateTable, RateTableVersion
from rates.tests.factories import AssignmentFactory, RateTableFactory
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db

ADD_VERSION = "/admin/rates/ratetableversion/add/"
PRICES = '[{"kind": "energy", "price": "2.35"}]'


def client_of(role: str, *estates: object) -> Client:
    user = UserFactory.create(role=role)
    for estate in estates:
        estate.memberships.create(user=user)  # type: ignore[attr-defined]
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client


def table(**changes: object) -> dict[str, object]:
    return {
        "name": "Flat 2026",
        "utility": "electricity",
        "calendar": "eskom",
        "mid_month": "carry_mtd",
        "effective_from": "2026-07-01",
        "components": PRICES,
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
    } | changes


class TestRateTable:
    def test_starts_with_its_first_version(self):
        answer = client_of(roles.SUPER_ADMIN).post(reverse("admin:rates_ratetable_add"), table())

        assert answer.status_code == 302
        version = RateTable.objects.get().versions.get()
        assert version.effective_from == date(2026, 7, 1)
        assert version.components == [{"kind": "energy", "price": "2.35"}]

    def test_is_an_estates_own_unless_one_sees_them_all(self):
        estate = EstateFactory.create()
        client = client_of(roles.BILLING_ADMIN, estate)
        url = reverse("admin:rates_ratetable_add")

        assert client.post(url, table()).status_code == 200
        assert not RateTable.objects.exists()
        assert client.post(url, table(estate=estate.pk)).status_code == 302

    def test_needs_a_calendar_that_there_is(self):
        client = client_of(roles.SUPER_ADMIN)
        kept = RateTableFactory.create()

        added = client.post(reverse("admin:rates_ratetable_add"), table(calendar="nope"))
        changed = client.post(
            reverse("admin:rates_ratetable_change", args=[kept.pk]),
            table(name=kept.name, calendar="nope"),
        )

        for answer in (added, changed):
            errors = answer.context["adminform"].form.errors
            assert errors["calendar"] == ["There is no calendar 'nope'; there is eskom."]
        assert [one.calendar for one in RateTable.objects.all()] == ["eskom"]

    def test_shared_ones_are_not_changed_by_an_estates_people(self):
        shared = RateTableFactory.create()
        client = client_of(roles.BILLING_ADMIN, EstateFactory.create())
        url = reverse("admin:rates_ratetable_change", args=[shared.pk])

        assert client.get(url).status_code == 200
        assert client.post(url, table(name="Mine")).status_code == 403

    def test_is_not_deleted_while_assigned(self):
        estate = EstateFactory.create()
        own = RateTableFactory.create(estate=estate)
        AssignmentFactory.create(estate=estate, rate_table=own)
        client = client_of(roles.BILLING_ADMIN, estate)

        answer = client.post(
            reverse("admin:rates_ratetable_delete", args=[own.pk]), {"post": "yes"}, follow=True
        )

        assert "is assigned" in answer.content.decode()
        own.refresh_from_db()
        assert own.deleted_at is None


class TestVersion:
    def test_follows_the_newest_and_ends_it(self):
        own = RateTableFactory.create()
        sent = {"rate_table": own.pk, "effective_from": "2026-07-01", "components": PRICES}

        answer = client_of(roles.SUPER_ADMIN).post(
            reverse("admin:rates_ratetableversion_add"), sent
        )

        assert answer.status_code == 302
        first, second = own.versions.order_by("number")
        assert first.effective_to == second.effective_from == date(2026, 7, 1)

    @pytest.mark.parametrize("written", ["[]", "{}", "[{}]", '[{"kind": "energy"}]', "nonsense"])
    def test_lists_what_is_wrong(self, written: str):
        own = RateTableFactory.create()
        sent = {"rate_table": own.pk, "effective_from": "2026-07-01", "components": written}

        answer = client_of(roles.SUPER_ADMIN).post(
            reverse("admin:rates_ratetableversion_add"), sent
        )

        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors["components"]
        assert own.versions.count() == 1

    def test_before_the_newest_is_refused_beside_the_day_with_what_was_typed(self):
        own = RateTableFactory.create()
        sent = {"rate_table": own.pk, "effective_from": "2025-12-31", "components": PRICES}

        answer = client_of(roles.SUPER_ADMIN).post(
            reverse("admin:rates_ratetableversion_add"), sent
        )

        assert answer.context["adminform"].form.errors["effective_from"]
        assert 'value="2025-12-31"' in answer.content.decode()
        assert own.versions.count() == 1

    def test_is_read_only_once_used(self):
        version = RateTableFactory.create().versions.get()
        RateTableVersion.objects.filter(pk=version.pk).update(used_at=timezone.now())
        url = reverse("admin:rates_ratetableversion_change", args=[version.pk])
        client = client_of(roles.SUPER_ADMIN)

        assert client.get(url).status_code == 200
        assert client.post(url, {"effective_from": "2026-02-01"}).status_code == 403


class TestAssignment:
    URL = "/admin/rates/assignment/add/"

    def sent(self, own: RateTable, **changes: object) -> dict[str, object]:
        return {
            "utility": "electricity",
            "rate_table": own.pk,
            "markup_percentage": "0",
            "effective_from": "2026-07-01",
        } | changes

    def test_ends_what_was_assigned_before(self):
        estate = EstateFactory.create()
        before = AssignmentFactory.create(estate=estate)
        own = RateTableFactory.create()
        client = client_of(roles.BILLING_ADMIN, estate)

        answer = client.post(self.URL, self.sent(own, estate=estate.pk))

        assert answer.status_code == 302
        before.refresh_from_db()
        assert before.effective_to == date(2026, 7, 1)
        assert own.assignments.get().effective_from == date(2026, 7, 1)

    def test_of_everybody_follows_the_same_rules(self):
        before = AssignmentFactory.create()

        answer = client_of(roles.SUPER_ADMIN).post(self.URL, self.sent(RateTableFactory.create()))

        assert answer.status_code == 302
        before.refresh_from_db()
        assert before.effective_to == date(2026, 7, 1)

    def test_of_a_unit_is_its_estates(self):
        unit = UnitFactory.create()
        own = RateTableFactory.create()

        answer = client_of(roles.BILLING_ADMIN, unit.estate).post(
            self.URL, self.sent(own, unit=unit.pk, estate=unit.estate.pk)
        )

        assert answer.status_code == 302
        assert own.assignments.get().estate_id == unit.estate_id

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            pytest.param({"utility": "water"}, "rate_table", "prices electricity", id="utility"),
            pytest.param({"effective_from": "2025-07-01"}, "effective_from", "no prices", id="day"),
            pytest.param(
                {"effective_from": "2026-01-01"}, "effective_from", "assigned", id="later"
            ),
            pytest.param(
                {"markup_percentage": "101"}, "markup_percentage", "equal to 100", id="markup"
            ),
        ],
    )
    def test_is_refused_beside_the_field_with_what_was_typed(self, changes, field, words):
        estate = EstateFactory.create()
        AssignmentFactory.create(estate=estate)
        own = RateTableFactory.create(name="Chosen one")
        client = client_of(roles.BILLING_ADMIN, estate)

        answer = client.post(self.URL, self.sent(own, estate=estate.pk, **changes))

        form = answer.context["adminform"].form
        assert words in form.errors[field][0]
        assert "Chosen one" in answer.content.decode()
        assert not own.assignments.exists()

    def test_only_ends(self):
        estate = EstateFactory.create()
        held = AssignmentFactory.create(estate=estate)
        url = reverse("admin:rates_assignment_change", args=[held.pk])
        client = client_of(roles.BILLING_ADMIN, estate)

        early = client.post(url, {"effective_to": "2025-12-31"})
        client.post(url, {"effective_to": "2026-06-01", "markup_percentage": "50"})

        assert "ends after the day it starts" in early.content.decode()
        held.refresh_from_db()
        assert held.effective_to == date(2026, 6, 1)
        assert held.markup_percentage == 0


class TestWithdrawal:
    FIRST = timezone.localdate() + timedelta(days=1)

    def url(self, assigned: Assignment) -> str:
        return reverse("admin:rates_assignment_withdraw", args=[assigned.pk])

    def test_asks_first_and_lets_what_was_assigned_before_hold_on(self):
        estate = EstateFactory.create()
        before = AssignmentFactory.create(estate=estate, effective_to=self.FIRST)
        assigned = AssignmentFactory.create(estate=estate, effective_from=self.FIRST)
        client = client_of(roles.BILLING_ADMIN, estate)

        page = client.get(reverse("admin:rates_assignment_change", args=[assigned.pk]))
        asked = client.get(self.url(assigned))
        kept = Assignment.objects.filter(pk=assigned.pk).exists()
        answer = client.post(self.url(assigned), follow=True)

        assert self.url(assigned) in page.content.decode()
        assert f"{self.FIRST:%d %B %Y}" in asked.content.decode()
        assert kept
        assert "is withdrawn." in answer.content.decode()
        before.refresh_from_db()
        assert before.effective_to is None
        assert not Assignment.objects.filter(pk=assigned.pk).exists()

    def test_is_not_offered_once_it_is_in_force(self):
        estate = EstateFactory.create()
        assigned = AssignmentFactory.create(estate=estate)
        client = client_of(roles.BILLING_ADMIN, estate)

        page = client.get(reverse("admin:rates_assignment_change", args=[assigned.pk]))

        assert self.url(assigned) not in page.content.decode()
        assert client.post(self.url(assigned)).status_code == 403
        assert Assignment.objects.filter(pk=assigned.pk).exists()

    def test_of_what_all_estates_pay_is_for_those_who_see_all(self):
        assigned = AssignmentFactory.create(effective_from=self.FIRST)
        client = client_of(roles.BILLING_ADMIN, EstateFactory.create())

        assert client.post(self.url(assigned)).status_code == 403
        assert client_of(roles.SUPER_ADMIN).post(self.url(assigned)).status_code == 302
        assert not Assignment.objects.filter(pk=assigned.pk).exists()

    def test_that_comes_too_late_says_so(self, monkeypatch: pytest.MonkeyPatch):
        estate = EstateFactory.create()
        assigned = AssignmentFactory.create(estate=estate)
        monkeypatch.setattr(assignments, "has_begun", lambda *_, **__: False)

        answer = client_of(roles.BILLING_ADMIN, estate).post(self.url(assigned), follow=True)

        assert "It is in force since 2026-01-01" in answer.content.decode()
        assert Assignment.objects.filter(pk=assigned.pk).exists()


class TestSureness:
    def test_is_told_wherever_prices_are_listed_or_chosen(self, client):
        table = RateTableFactory.create(is_reference=True)
        table.versions.update(confidence="press", year_inferred=True)
        client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
        told = "Reported in the press, year inferred"

        assigned = client.post(
            reverse("admin:rates_assignment_add"),
            {
                "utility": "electricity", "rate_table": table.pk, "markup_percentage": "0",
                "effective_from": "2026-07-01",
            },
            follow=True,
        )  # fmt: skip

        assert f"version 1 from 2026-01-01): {told}" in assigned.content.decode()
        references.name(estate=EstateFactory.create(), utility="electricity", rate_table=table)
        for page in (
            reverse("admin:rates_ratetable_changelist"),
            reverse("admin:rates_ratetable_change", args=[table.pk]),
            reverse("admin:rates_ratetableversion_changelist"),
            reverse("admin:rates_assignment_changelist"),
            reverse("admin:rates_referencetable_changelist"),
            reverse("admin:rates_ratetable_simulate", args=[table.pk]),
        ):
            assert told in client.get(page).content.decode(), page
