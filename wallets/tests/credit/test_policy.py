from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from wallets.credit.policy import Action, Facts, decide

# Wednesday, 15 July 2026, 12:00 in Johannesburg.
NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
EMPTY = Facts(
    meter_id=uuid4(),
    serial="E4WC00100",
    wallet_id=uuid4(),
    estate_id=uuid4(),
    unit_number="A-101",
    utility="electricity",
    zone=ZoneInfo("Africa/Johannesburg"),
    credit=Decimal("0.00"),
    free_left=0,
    relay_state="connected",
    cut_by_credit=False,
    activation_minimum=Decimal("20.00"),
    automatic=True,
    inhibited=False,
    protected=False,
    office_hours=False,
    warned_at=NOON - timedelta(hours=1),
    newest_reading_at=NOON - timedelta(minutes=15),
    newest_is_estimated=False,
    freshness=timedelta(minutes=60),
    payment="",
    cut_at=None,
    restored_at=None,
    minimum_on=timedelta(minutes=30),
    minimum_off=timedelta(0),
    cuts_in_a_day=0,
    recent_cuts=0,
    breaker_cuts=10,
    units=100,
    breaker_percent=Decimal(5),
)


class TestDisconnect:
    def test_is_permitted_when_every_guard_passes(self):
        decision = decide(EMPTY, now=NOON)

        assert decision.action == Action.DISCONNECT
        assert decision.is_permitted
        assert [check.name for check in decision.checks] == [
            "credit", "automatic disconnection", "inhibit switch", "protected supply", "window",
            "warning", "fresh reading", "measured", "readings decided",
            "payment in flight", "minimum on time",
            "cuts in a day", "breaker",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("change", "guard"),
        [
            pytest.param({"automatic": False}, "automatic disconnection", id="switched off"),
            pytest.param({"inhibited": True}, "inhibit switch", id="inhibited"),
            pytest.param({"protected": True}, "protected supply", id="protected"),
            pytest.param({"warned_at": None}, "warning", id="never warned"),
            pytest.param(
                {"warned_at": NOON - timedelta(hours=73)}, "warning", id="warned long ago"
            ),
            pytest.param({"newest_reading_at": None}, "fresh reading", id="no reading"),
            pytest.param(
                {"newest_reading_at": NOON - timedelta(minutes=61)}, "fresh reading", id="old"
            ),
            pytest.param({"newest_is_estimated": True}, "measured", id="estimated"),
            pytest.param({"payment": "R50 in suspense."}, "payment in flight", id="payment"),
            pytest.param(
                {"restored_at": NOON - timedelta(minutes=29)}, "minimum on time", id="just restored"
            ),
            pytest.param({"cuts_in_a_day": 2}, "cuts in a day", id="cut twice"),
            pytest.param({"waits_for_a_check": True}, "readings decided", id="too long estimated"),
            pytest.param({"recent_cuts": 5}, "breaker", id="share of the estate"),
            pytest.param({"recent_cuts": 10, "units": 1000}, "breaker", id="number of cuts"),
        ],
    )
    def test_is_refused_by_each_guard_alone(self, change: dict[str, object], guard: str):
        decision = decide(replace(EMPTY, **change), now=NOON)

        assert not decision.is_permitted
        assert [check.name for check in decision.refused_by] == [guard]

    def test_does_not_happen_while_there_is_credit(self):
        assert decide(replace(EMPTY, credit=Decimal("0.01")), now=NOON).action is None

    def test_does_not_happen_while_solar_is_still_free(self):
        assert decide(replace(EMPTY, free_left=1), now=NOON).action is None

    @pytest.mark.parametrize(
        ("local", "is_open"),
        [
            pytest.param("2026-07-15T09:00", True, id="Wednesday, opening"),
            pytest.param("2026-07-15T08:59", False, id="a minute before"),
            pytest.param("2026-07-15T15:00", False, id="closing"),
            pytest.param("2026-07-17T12:00", False, id="Friday"),
            pytest.param("2026-06-16T12:00", False, id="Youth Day"),
            pytest.param("2026-06-15T12:00", False, id="the day before Youth Day"),
            pytest.param("2026-12-31T12:00", False, id="the day before New Year"),
        ],
    )
    def test_keeps_office_hours_where_chosen(self, local: str, is_open: bool):
        now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Africa/Johannesburg"))
        facts = replace(
            EMPTY, office_hours=True, warned_at=now, newest_reading_at=now.astimezone(UTC)
        )

        assert decide(facts, now=now).is_permitted is is_open


def expected_office_hour(day: date, hour: int) -> bool:
    """The rule of the domain, from a list of South Africa's public holidays written by hand."""
    tomorrow = day + timedelta(days=1)
    return day.weekday() < 4 and 9 <= hour < 15 and not {day, tomorrow} & HOLIDAYS_OF_2026


HOLIDAYS_OF_2026 = {
    date(2026, 1, 1), date(2026, 3, 21), date(2026, 4, 3), date(2026, 4, 6), date(2026, 4, 27),
    date(2026, 5, 1), date(2026, 6, 16), date(2026, 8, 9), date(2026, 8, 10), date(2026, 9, 24),
    date(2026, 12, 16), date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1),
}  # fmt: skip


class TestWindow:
    """Every hour of every day of the week, and of every holiday and the days around it."""

    DAYS = sorted(
        {date(2026, 7, 13) + timedelta(days=number) for number in range(7)}
        | {
            holiday + timedelta(days=number)
            for holiday in HOLIDAYS_OF_2026
            for number in (-2, -1, 0, 1)
            if holiday.year == 2026
        }
    )

    @pytest.mark.parametrize("day", DAYS, ids=str)
    def test_is_open_in_office_hours_alone(self, day: date):
        found = {}
        for hour in range(24):
            now = datetime(day.year, day.month, day.day, hour, 30, tzinfo=EMPTY.zone)
            facts = replace(EMPTY, office_hours=True, warned_at=now, newest_reading_at=now)
            found[hour] = decide(facts, now=now.astimezone(UTC)).is_permitted

        assert found == {hour: expected_office_hour(day, hour) for hour in range(24)}

    @pytest.mark.parametrize("day", DAYS, ids=str)
    def test_is_always_open_where_the_estate_cuts_at_any_time(self, day: date):
        for hour in range(24):
            now = datetime(day.year, day.month, day.day, hour, tzinfo=EMPTY.zone)
            facts = replace(EMPTY, warned_at=now, newest_reading_at=now)

            assert decide(facts, now=now).is_permitted


class TestReconnect:
    CUT = replace(EMPTY, relay_state="disconnected", cut_by_credit=True)

    @pytest.mark.parametrize(("credit", "action"), [("20.00", Action.RECONNECT), ("19.99", None)])
    def test_needs_the_activation_minimum(self, credit: str, action: Action | None):
        assert decide(replace(self.CUT, credit=Decimal(credit)), now=NOON).action == action

    def test_knows_no_other_guard(self):
        facts = replace(
            self.CUT, credit=Decimal(20), inhibited=True, protected=True, newest_reading_at=None
        )

        assert decide(facts, now=NOON).is_permitted

    def test_waits_for_the_minimum_off_time_where_there_is_one(self):
        rest = timedelta(minutes=5)
        facts = replace(self.CUT, credit=Decimal(50), minimum_off=rest, cut_at=NOON - rest)

        assert decide(facts, now=NOON).is_permitted
        assert not decide(facts, now=NOON - timedelta(seconds=1)).is_permitted

    @pytest.mark.parametrize(
        ("credit", "action"),
        [("0.00", Action.DISCONNECT), ("19.99", None), ("20.00", Action.RECONNECT)],
    )
    def test_overtakes_a_cut_that_is_under_way(self, credit: str, action: Action | None):
        facts = replace(
            EMPTY, cut_is_under_way=True, cut_by_credit=True, cut_at=NOON, credit=Decimal(credit)
        )

        assert decide(facts, now=NOON).action == action

    def test_leaves_alone_what_a_person_cut(self):
        facts = replace(self.CUT, credit=Decimal(100), cut_by_credit=False)

        assert decide(facts, now=NOON).action is None
