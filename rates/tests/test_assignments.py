"""Assignments that are withdrawn before their first day, and many that change them at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event

import pytest
from django.db import connection, transaction

from estates.models import Estate
from estates.tests.factories import EstateFactory
from quantify.tests.crowd import at_once
from rates import assignments
from rates.models import Assignment
from rates.tests.factories import AssignmentFactory, RateTableFactory

JANUARY, JULY, AUGUST = date(2026, 1, 1), date(2026, 7, 1), date(2026, 8, 1)
BEFORE = datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 30, 22, tzinfo=UTC)
"""Local midnight before the first of July."""
DAY = timedelta(days=1)


def in_turn(estate: Estate | None) -> list[Assignment]:
    """Three assignments, each up to the next."""
    table = RateTableFactory.create()
    firsts, ends = (JANUARY, JULY, AUGUST), (JULY, AUGUST, None)
    return [
        AssignmentFactory.create(
            estate=estate, rate_table=table, effective_from=first, effective_to=end
        )
        for first, end in zip(firsts, ends, strict=True)
    ]


def withdraw(assignment: Assignment, at: datetime = BEFORE) -> None:
    assignments.withdraw(assignment=assignment, clock=lambda: at)


def days() -> list[tuple[date, date | None]]:
    rows = Assignment.objects.order_by("effective_from")
    return list(rows.values_list("effective_from", "effective_to"))


@pytest.mark.django_db
class TestWithdraw:
    @pytest.mark.parametrize(
        ("number", "left"),
        [
            pytest.param(1, [(JANUARY, AUGUST), (AUGUST, None)], id="between two"),
            pytest.param(2, [(JANUARY, JULY), (JULY, None)], id="the last"),
        ],
    )
    def test_leaves_no_gap(self, number: int, left: list[tuple[date, date | None]]):
        withdraw(in_turn(EstateFactory.create())[number])

        assert days() == left

    def test_leaves_a_gap_that_was_there(self):
        _, second, third = in_turn(EstateFactory.create())
        Assignment.objects.filter(pk=second.pk).update(effective_to=date(2026, 7, 15))

        withdraw(third)

        assert days() == [(JANUARY, JULY), (JULY, date(2026, 7, 15))]

    @pytest.mark.parametrize(
        ("zone", "at"),
        [
            pytest.param("Africa/Johannesburg", MIDNIGHT, id="here"),
            pytest.param("Asia/Tokyo", datetime(2026, 6, 30, 15, tzinfo=UTC), id="further east"),
            pytest.param(None, datetime(2026, 6, 30, 10, tzinfo=UTC), id="everywhere"),
        ],
    )
    def test_ends_at_midnight_where_it_holds(self, zone: str | None, at: datetime):
        estate = EstateFactory.create(time_zone=zone) if zone else None
        _, second, _ = in_turn(estate)

        with pytest.raises(assignments.InForce, match="in force since 2026-07-01"):
            withdraw(second, at)

        assert len(days()) == 3

    def test_of_what_was_withdrawn_is_refused(self):
        _, _, third = in_turn(EstateFactory.create())
        withdraw(third)

        with pytest.raises(assignments.Withdrawn):
            withdraw(third)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_one_withdraws_and_the_other_is_told(self):
        _, _, third = in_turn(EstateFactory.create())

        answers = at_once(lambda _: withdraw(third), times=8, threads=8)

        assert [answer for answer in answers if answer is None] == [None]
        assert sum(isinstance(answer, assignments.Withdrawn) for answer in answers) == 7
        assert days() == [(JANUARY, JULY), (JULY, None)]

    @pytest.mark.parametrize("of_all", [False, True], ids=["of an estate", "of all estates"])
    def test_two_neighbours_leave_no_gap(self, of_all: bool):
        _, *neighbours = in_turn(None if of_all else EstateFactory.create())

        answers = at_once(
            lambda number: withdraw(neighbours[number], BEFORE - DAY), times=2, threads=2
        )

        assert answers == [None, None]
        assert days() == [(JANUARY, None)]

    def test_with_the_next_assignment_leaves_no_gap(self):
        estate = EstateFactory.create()
        _, _, third = in_turn(estate)

        def work(number: int) -> object:
            return withdraw(third) if number else assign_from(estate, date(2026, 9, 1))

        answers = at_once(work, times=2, threads=2)

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert days() == [(JANUARY, JULY), (JULY, date(2026, 9, 1)), (date(2026, 9, 1), None)]

    def test_who_waits_until_the_first_day_has_begun_comes_too_late(self):
        estate = EstateFactory.create()
        _, second, _ = in_turn(estate)
        now = [BEFORE]

        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                Estate.objects.select_for_update().get(pk=estate.pk)
                withdrawing = pool.submit(waiting(second, lambda: now[0]))
                until_somebody_waits()
                now[0] = MIDNIGHT
            answer = withdrawing.result()

        assert isinstance(answer, assignments.InForce)
        assert len(days()) == 3


def assign_from(estate: Estate, day: date) -> Assignment:
    return assignments.assign(
        estate=estate,
        utility="electricity",
        rate_table=RateTableFactory.create(),
        markup_percentage=Decimal(0),
        effective_from=day,
    )


def waiting(assignment: Assignment, clock: Callable[[], datetime]) -> Callable[[], object]:
    """A withdrawal over a connection of its own; its refusal is its answer."""

    def work() -> object:
        try:
            return assignments.withdraw(assignment=assignment, clock=clock)
        except assignments.InForce as error:
            return error
        finally:
            connection.close()

    return work


def until_somebody_waits() -> None:
    """Until another connection waits for a lock that this one has."""
    pause = Event()
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
            pause.wait(0.01)
    raise AssertionError("Nobody waits.")
