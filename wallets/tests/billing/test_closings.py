"""A closed month is reopened only by adjustment: found, shown, and posted once, by a person."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.factories import UserFactory
from estates.models import EstateSettings
from estates.tests.factories import EstateFactory
from meters.models import Meter
from quantify.tests.client import Client
from quantify.tests.crowd import at_once
from rates.models import RateTableVersion
from rates.tests.factories import flat
from wallets import ledger
from wallets.amounts import InvalidReason
from wallets.billing import closings, differences, runs, staleness
from wallets.billing.closings import ClosedBefore, MonthNotOver
from wallets.billing.differences import DifferenceChanged, DifferenceDecided
from wallets.models import Account, Bill, BillDifference, Charge, MonthClosing
from wallets.proving import verification
from wallets.proving.replay import replay
from wallets.tests.billing.test_billing import BLOCKS, JULY, metered_unit, noon, wallet_of
from wallets.tests.metering import use
from wallets.tests.moments import top_up

pytestmark = pytest.mark.django_db

AUGUST = noon(date(2026, 8, 20))
SEPTEMBER = noon(date(2026, 9, 3))
FOURTH = date(2026, 7, 4)


def closed_unit(
    kwh: str = "100", components: list[dict[str, object]] | None = None, *, paid: str = "1000.00"
) -> Meter:
    """A unit that used something in July, and paid; July is billed and closed."""
    meter = metered_unit(components or flat("2.00"))
    top_up(wallet_of(meter), paid)
    use(meter, FOURTH, kwh)
    runs.bill(now=AUGUST, since=JULY)
    closings.close(estate=meter.estate, month=JULY, actor=None, closed_at=SEPTEMBER)
    return meter


def late(meter: Meter, kwh: str) -> None:
    use(meter, FOURTH, kwh)


def look() -> list[BillDifference]:
    differences.look(now=SEPTEMBER)
    return list(BillDifference.objects.open().order_by("pk"))


def post(one: BillDifference, **fields: object) -> BillDifference:
    asked = {"reason": "Late reading", "posted_at": SEPTEMBER, "actor": UserFactory.create()}
    return differences.post(difference_id=one.pk, **asked | fields)


def dismiss(one: BillDifference) -> BillDifference:
    actor = UserFactory.create()
    return differences.dismiss(
        difference_id=one.pk, reason="Ours", dismissed_at=SEPTEMBER, actor=actor
    )


def in_order(meter: Meter) -> bool:
    """Whether the ledger agrees with itself and the wallet lives through again."""
    assert not verification.verify().differences
    assert not replay(wallet_of(meter).pk).difference
    return True


class TestClose:
    def test_charges_what_is_known_first(self):
        meter = metered_unit(flat("2.00"))
        use(meter, FOURTH, "10")

        made = closings.close(estate=meter.estate, month=JULY, actor=None, closed_at=AUGUST)

        assert Bill.objects.get(month=JULY).charged == Decimal("23.00")
        assert made.sealed_at is not None
        assert look() == []

    def test_closes_the_months_before_and_none_after(self):
        meter = metered_unit(flat("2.00"))
        closings.close(estate=meter.estate, month=JULY, actor=None, closed_at=AUGUST)
        use(meter, date(2026, 6, 4), "10")
        use(meter, date(2026, 8, 4), "20")

        runs.bill(now=AUGUST, since=date(2026, 5, 1))

        assert {b.month.month: b.charged for b in Bill.objects.all() if b.charged} == {
            8: Decimal("46.00")
        }

    def test_leaves_other_estates_alone(self):
        closed_unit()
        other = metered_unit(flat("2.00"))
        use(other, FOURTH, "10")

        runs.bill(now=SEPTEMBER, since=JULY)

        assert Bill.objects.get(wallet=wallet_of(other), month=JULY).charged == Decimal("23.00")

    def test_is_refused_while_the_month_runs_in_the_estate_s_zone(self):
        estate = EstateFactory.create()
        last_moment = datetime(2026, 7, 31, 21, 59, 59, tzinfo=UTC)

        with pytest.raises(MonthNotOver, match="July 2026 is not over"):
            closings.close(estate=estate, month=JULY, actor=None, closed_at=last_moment)
        closings.close(
            estate=estate, month=JULY, actor=None, closed_at=last_moment + timedelta(seconds=1)
        )

    @pytest.mark.parametrize("month", [JULY, date(2026, 6, 1)])
    def test_is_refused_of_a_closed_month(self, month):
        meter = closed_unit()

        with pytest.raises(ClosedBefore, match="up to July 2026"):
            closings.close(estate=meter.estate, month=month, actor=None, closed_at=SEPTEMBER)

    def test_cannot_be_taken_back(self):
        closed_unit()

        for change in (MonthClosing.objects.all().delete, lambda: MonthClosing.objects.update(
            month=date(2026, 1, 1)
        )):  # fmt: skip
            with pytest.raises(DatabaseError), transaction.atomic():
                change()


class TestDue:
    @pytest.mark.parametrize(
        ("days", "today", "closed"),
        [
            (31, date(2026, 8, 31), date(2026, 6, 1)),
            (31, date(2026, 9, 1), JULY),
            (5, date(2026, 8, 5), date(2026, 6, 1)),
            (5, date(2026, 8, 6), JULY),
            (31, date(2026, 3, 3), date(2025, 12, 1)),
            (31, date(2026, 3, 4), date(2026, 1, 1)),
        ],
    )
    def test_is_a_month_so_many_days_after_its_end(self, days, today, closed):
        estate = EstateFactory.create()
        EstateSettings.objects.filter(estate=estate).update(month_closes_after_days=days)

        (made,) = closings.close_due(now=noon(today))

        assert made.month == closed
        assert closings.close_due(now=noon(today)) == []

    def test_months_that_wait_longer_are_still_billed(self):
        meter = metered_unit(flat("2.00"))
        EstateSettings.objects.filter(estate=meter.estate).update(month_closes_after_days=92)
        use(meter, FOURTH, "10")

        closings.close_due(now=noon(date(2026, 10, 20)))
        runs.bill(now=noon(date(2026, 10, 20)))

        assert Bill.objects.get(month=JULY).charged == Decimal("23.00")


class TestDifference:
    @pytest.mark.parametrize(
        ("kwh", "amount"), [("150", Decimal("115.00")), ("40", Decimal("-138.00"))]
    )
    def test_is_shown_and_moves_no_money(self, kwh, amount):
        meter = closed_unit()
        late(meter, kwh)
        runs.bill(now=SEPTEMBER, since=JULY)

        (one,) = look()

        assert (one.amount, one.charged, one.cause) == (amount, Decimal("230.00"), "readings")
        assert (one.consumption_before, one.consumption_after) == (100_000, int(kwh) * 1000)
        assert wallet_of(meter).balance == Decimal("770.00")
        assert look() == [one]
        assert in_order(meter)

    def test_that_lowers_is_given_back_once_linked_to_its_bill(self):
        meter = closed_unit("100", BLOCKS)
        assert Bill.objects.get(month=JULY).charged == Decimal("201.25")
        late(meter, "40")
        (one,) = look()

        done = post(one)

        # R69.00 are right: 40 kWh in the first block.
        made = done.transaction
        assert (made.amount, made.kind) == (Decimal("-132.25"), "consumption_electricity")
        assert made.reason == "Late reading"
        assert made.reference == "Adjustment: Electricity July 2026"
        assert made.metadata["bill"] == str(done.bill_id) == str(Bill.objects.get(month=JULY).pk)
        assert made.occurred_at == SEPTEMBER
        assert Bill.objects.get(month=JULY).charged == Decimal("69.00")
        assert wallet_of(meter).balance == Decimal("931.00")
        assert [(p.debit, p.credit, p.amount) for p in made.postings.order_by("line")] == [
            (Account.REVENUE_ELECTRICITY, Account.AVAILABLE, Decimal("132.25")),
            (Account.VAT_OUTPUT, Account.REVENUE_ELECTRICITY, Decimal("17.25")),
        ]
        assert look() == []
        assert in_order(meter)

    def test_beyond_the_money_becomes_arrears(self):
        meter = closed_unit(paid="230.00")
        late(meter, "150")

        post(look()[0])

        assert wallet_of(meter).arrears == Decimal("115.00")
        assert in_order(meter)

    def test_of_prices_that_were_changed_for_the_past(self):
        meter = closed_unit()
        _next_version("1.50")

        (one,) = look()

        assert (one.amount, one.cause) == (Decimal("-57.50"), "prices")
        post(one)
        assert in_order(meter)

    def test_of_what_was_never_billed(self):
        meter = metered_unit(flat("2.00"))
        closings.close(estate=meter.estate, month=JULY, actor=None, closed_at=AUGUST)
        Bill.objects.all().delete()
        use(meter, FOURTH, "10")

        (one,) = [one for one in look() if one.month == JULY]
        assert (one.amount, one.cause, one.bill) == (Decimal("23.00"), "not_billed", None)

        assert post(one).bill == Bill.objects.get(month=JULY)

    def test_goes_when_the_facts_come_back(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        late(meter, "100")

        assert look() == []
        with pytest.raises(BillDifference.DoesNotExist):
            post(one)

    def test_follows_the_facts_and_is_not_posted_with_another_amount(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        late(meter, "160")

        with pytest.raises(DifferenceChanged, match=r"R138\.00 is right by now"):
            post(one)

        one.refresh_from_db()
        assert one.amount == Decimal("138.00")
        assert wallet_of(meter).balance == Decimal("770.00")
        post(one)
        assert wallet_of(meter).balance == Decimal("632.00")

    def test_is_not_posted_if_the_facts_came_back_meanwhile(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        late(meter, "100")

        with pytest.raises(DifferenceChanged, match="nothing is to be posted"):
            post(one)

        assert not BillDifference.objects.exists()

    def test_dismissed_stays_away_until_the_facts_change_again(self):
        meter = closed_unit()
        late(meter, "150")
        dismiss(look()[0])
        assert look() == []
        late(meter, "170")

        (again,) = look()

        assert again.amount == Decimal("161.00")
        late(meter, "150")
        assert look() == []
        assert in_order(meter)

    def test_is_decided_once_and_with_a_reason(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        with pytest.raises(InvalidReason):
            post(one, reason=" ")
        post(one)

        for again in (post, dismiss):
            with pytest.raises(DifferenceDecided):
                again(one)
        with pytest.raises(DatabaseError), transaction.atomic():
            BillDifference.objects.update(reason="Other")
        assert Charge.objects.count() == 2

    def test_is_one_at_a_time(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        one.pk = None

        with pytest.raises(DatabaseError, match="one_open_difference"), transaction.atomic():
            one.save(force_insert=True)


def _next_version(price: str) -> None:
    """A version from the middle of the past on, so that the whole of July is priced anew."""
    first = RateTableVersion.objects.get()
    first.effective_to = JULY
    first.save()
    RateTableVersion.objects.create(
        rate_table=first.rate_table, number=2, effective_from=JULY, components=flat(price)
    )


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_billing_that_found_work_before_the_closing_leaves_the_month_alone(self, monkeypatch):
        meter = metered_unit(flat("2.00"))
        top_up(wallet_of(meter), "1000.00")
        use(meter, FOURTH, "100")
        runs.bill(now=AUGUST, since=JULY)
        late(meter, "150")
        lock = ledger.lock
        closed: list[MonthClosing] = []

        def close_first(wallet_ids: object) -> None:
            """Between the look without locks and the lock: the month is closed as it stands."""
            if not closed:
                closed.append(
                    MonthClosing.objects.create(
                        estate=meter.estate, month=JULY, closed_at=SEPTEMBER
                    )
                )
            lock(wallet_ids)

        monkeypatch.setattr(ledger, "lock", close_first)
        outcome = runs.bill(now=AUGUST, since=JULY)

        assert closed
        assert outcome.charged == 0
        assert [one.amount for one in look()] == [Decimal("115.00")]
        assert in_order(meter)

    def test_closing_waits_for_a_run_that_holds_the_wallets(self):
        meter = metered_unit(flat("2.00"))
        top_up(wallet_of(meter), "1000.00")
        use(meter, FOURTH, "100")
        runs.bill(now=AUGUST, since=JULY)
        use(meter, FOURTH, "150")

        def close() -> None:
            try:
                closings.close(estate=meter.estate, month=JULY, actor=None, closed_at=SEPTEMBER)
            finally:
                connection.close()

        with transaction.atomic():
            ledger.lock([wallet_of(meter).pk])
            thread = Thread(target=close)
            thread.start()
            thread.join(0.5)
            assert not MonthClosing.objects.exists()
            runs.bill(now=AUGUST, since=JULY)
        thread.join(20)

        assert MonthClosing.objects.get().month == JULY
        assert Bill.objects.get(month=JULY).charged == Decimal("345.00")
        assert look() == []
        assert in_order(meter)

    def test_two_people_post_a_difference_once(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        people = UserFactory.create_batch(4)

        answers = at_once(lambda number: post(one, actor=people[number]), times=4, threads=4)

        done = [answer for answer in answers if isinstance(answer, BillDifference)]
        refused = [answer for answer in answers if isinstance(answer, DifferenceDecided)]
        assert (len(done), len(refused)) == (1, 3)
        assert wallet_of(meter).balance == Decimal("655.00")
        assert in_order(meter)

    def test_a_month_is_closed_once(self):
        estate = EstateFactory.create()

        answers = at_once(
            lambda _: closings.close(estate=estate, month=JULY, actor=None, closed_at=AUGUST),
            times=4, threads=4,
        )  # fmt: skip

        assert sum(isinstance(one, ClosedBefore) for one in answers) == 3
        assert MonthClosing.objects.count() == 1

    def test_a_setting_of_today_makes_no_difference(self):
        meter = closed_unit()
        client = Client(UserFactory.create())
        settings = f"/estates/{meter.estate_id}/settings"
        assert client.patch(settings, {"vat_registered": False}).status_code == 200
        assert look() == []
        late(meter, "110")

        (one,) = look()

        assert one.amount == Decimal("23.00")
        post(one)
        assert in_order(meter)

    def test_verification_finds_a_run_that_posts_to_a_closed_month(self):
        meter = closed_unit()
        late(meter, "150")

        runs.bill(now=SEPTEMBER, since=JULY, months=staleness.Months.ALL)

        (found,) = verification.verify().differences
        assert found.check == "only persons charge closed months"


class TestApi:
    def test_closes_shows_and_posts(self):
        meter = metered_unit(flat("2.00"))
        use(meter, FOURTH, "100")
        user = UserFactory.create(role="billing_admin")
        meter.estate.memberships.create(user=user)
        client = Client(user)

        body = {"estate": str(meter.estate_id), "month": "2026-07-15"}
        made = client.post("/month-closings", body)
        assert (made.status_code, made.json()["data"]["month"]) == (201, "2026-07-01")
        assert made.json()["data"]["closed_by"] == user.username
        again = client.post("/month-closings", body | {"month": "2026-07"})
        assert again.json()["code"] == "month_closed"
        unreadable = client.post("/month-closings", body | {"month": "July"}).json()
        assert unreadable["errors"][0]["field"] == "month"
        late_month = body | {"month": "2126-01-01"}
        assert client.post("/month-closings", late_month).json()["code"] == "month_not_over"
        late(meter, "150")
        differences.look(now=timezone.now())
        (one,) = client.get("/bill-differences", {"state": "open"}).json()["data"]
        assert (one["amount"], one["cause"], one["consumption_after"]) == (
            "115.00", "readings", "150.000",
        )  # fmt: skip
        path = f"/bill-differences/{one['id']}"
        assert client.post(f"{path}/post", {}).status_code == 422
        done = client.post(f"{path}/post", {"reason": "Read late"})
        assert (done.status_code, done.json()["data"]["state"]) == (200, "posted")
        again = client.post(f"{path}/dismiss", {"reason": "No"})
        assert (again.status_code, again.json()["code"]) == (409, "difference_decided")
        entry = AuditEntry.objects.get(object_id=one["id"], action="update")
        assert entry.actor == user.pk

    def test_is_for_who_may_adjust_and_sees_the_estate(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        path = f"/bill-differences/{one.pk}/post"
        for role, status in (("viewer", 403), ("property_manager", 403), ("billing_admin", 200)):
            user = UserFactory.create(role=role)
            hidden = Client(user).post(path, {"reason": "x y"})
            assert hidden.status_code == (404 if status == 200 else 403)
            meter.estate.memberships.create(user=user)
            assert Client(user).post(path, {"reason": "x y"}).status_code == status, role


class TestCommand:
    def test_closes_and_lists_what_differs(self, capsys):
        meter = closed_unit()
        late(meter, "150")

        call_command("close_months")

        told = capsys.readouterr().out
        assert "1 differences wait for a person." in told
        assert "electricity 2026-07: R115.00: Readings came late or were corrected" in told

    @pytest.mark.parametrize(
        "asked", [{"estate": "NONE", "month": JULY}, {"estate": "NONE"}, {"month": JULY}]
    )
    def test_says_what_is_wrong(self, asked):
        with pytest.raises(CommandError):
            call_command("close_months", **asked)


class TestPages:
    def test_list_post_and_close(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        user = UserFactory.create(role="billing_admin")
        meter.estate.memberships.create(user=user)
        client = Browser()
        client.force_login(user, backend="accounts.backends.RoleBackend")

        listed = client.get(reverse("admin:wallets_billdifference_changelist")).content.decode()
        assert "Readings came late or were corrected" in listed
        url = reverse("admin:wallets_billdifference_post_difference", args=[one.pk])
        assert "charged today, linked to the bill" in client.get(url).content.decode()
        assert client.post(url, {"reason": "Read late"}).status_code == 302
        one.refresh_from_db()
        assert (one.state, one.decided_by) == ("posted", user)
        add = reverse("admin:wallets_monthclosing_add")
        again = client.post(add, {"estate": meter.estate_id, "month": "2026-07-09"})
        assert "July 2026 is closed" in again.content.decode()
        done = client.post(add, {"estate": meter.estate_id, "month": "2026-08-09"})
        assert done.status_code == 302
        assert MonthClosing.objects.get(month=date(2026, 8, 1)).closed_by == user

    def test_many_are_decided_for_one_reason(self):
        meters = [closed_unit() for _ in range(3)]
        for meter in meters:
            late(meter, "150")
        ids = [str(one.pk) for one in look()]
        client = Browser()
        client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")
        url = reverse("admin:wallets_billdifference_changelist")
        posting = {"action": "post_selected", "_selected_action": ids[:2]}

        asked = client.post(url, posting | {"index": "0"}).content.decode()
        assert "2 differences, R\u00a0230.00 in all." in asked
        assert all(f'name="_selected_action" value="{one}"' in asked for one in ids[:2])
        without = client.post(url, posting | {"_confirm": "", "reason": ""}).content.decode()
        assert "This field is required." in without
        assert BillDifference.objects.open().count() == 3
        done = client.post(url, posting | {"_confirm": "", "reason": "Read late"}, follow=True)
        assert "Post: 2 of 2 done." in done.content.decode()
        again = client.post(url, posting | {"_confirm": "", "reason": "Read late"}, follow=True)
        assert "Select from 1 to 200 open differences." in again.content.decode()
        dismissing = {"action": "dismiss_selected", "_selected_action": ids}
        client.post(url, dismissing | {"_confirm": "", "reason": "Our mistake"})

        states = [BillDifference.objects.get(pk=one).state for one in ids]
        assert states == ["posted", "posted", "dismissed"]
        charges = [
            Charge.objects.filter(bill__wallet__unit__installations__meter=meter).count()
            for meter in meters
        ]
        # Whose difference is found first is left to chance.
        assert sorted(charges) == [1, 2, 2]

    def test_one_refusal_stops_no_other(self):
        first, second = closed_unit(), closed_unit()
        for meter in (first, second):
            late(meter, "150")
        ids = [str(one.pk) for one in look()]
        late(first, "160")
        client = Browser()
        client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")

        done = client.post(
            reverse("admin:wallets_billdifference_changelist"),
            {"action": "post_selected", "_selected_action": ids, "_confirm": "", "reason": "Late"},
            follow=True,
        ).content.decode()

        assert "The facts changed since this was found" in done
        assert "Post: 1 of 2 done." in done

    def test_dismiss_keeps_the_reason(self):
        meter = closed_unit()
        late(meter, "150")
        (one,) = look()
        client = Browser()
        client.force_login(UserFactory.create(), backend="accounts.backends.RoleBackend")

        url = reverse("admin:wallets_billdifference_dismiss", args=[one.pk])
        assert client.post(url, {"reason": "Our mistake"}).status_code == 302

        one.refresh_from_db()
        assert (one.state, one.reason) == ("dismissed", "Our mistake")
        assert client.get(url).status_code == 403
