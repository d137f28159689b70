from datetime import date
from threading import Barrier, Thread

import pytest
from django.core.management import call_command
from django.db import connection, connections

from meters import partitions

MONTHS = [date(1999, month, 1) for month in range(1, 5)]


def bounds(table):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s", [table]
        )
        return cursor.fetchone()[0]


def drop(months):
    with connection.cursor() as cursor:
        for month in months:
            for parent in partitions.TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS {parent.partition(month)}")
    partitions._known.difference_update(months)


@pytest.mark.django_db
class TestEnsure:
    def test_makes_three_tables_a_month(self):
        assert partitions.ensure(date(1998, 11, 30), date(1999, 1, 1)) == 9

        assert bounds("meters_dailyconsumption_1998_12") == (
            "FOR VALUES FROM ('1998-12-01') TO ('1999-01-01')"
        )

    def test_cuts_instants_at_months_of_utc(self):
        partitions.ensure(date(1999, 1, 31), date(1999, 1, 31))

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        assert bounds("meters_reading_1999_01") == (
            "FOR VALUES FROM ('1999-01-01 00:00:00+00') TO ('1999-02-01 00:00:00+00')"
        )

    def test_makes_nothing_twice(self):
        partitions.ensure(MONTHS[0], MONTHS[0])

        assert partitions.ensure(MONTHS[0], MONTHS[0]) == 0

    def test_costs_nothing_once_known(
        self, django_capture_on_commit_callbacks, django_assert_num_queries
    ):
        with django_capture_on_commit_callbacks(execute=True):
            partitions.ensure(MONTHS[0], MONTHS[0])

        with django_assert_num_queries(0):
            partitions.ensure(MONTHS[0], MONTHS[0])
        partitions._known.discard(MONTHS[0])

    def test_what_was_rolled_back_is_not_remembered(self):
        partitions.ensure(MONTHS[0], MONTHS[0])

        assert MONTHS[0] not in partitions._known

    @pytest.mark.parametrize(
        ("table", "kinds"), [("meters_reading", ["p"]), ("meters_dailyconsumption", ["f", "p"])]
    )
    def test_keeps_key_and_reference(self, table, kinds):
        partitions.ensure(MONTHS[0], MONTHS[0])

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT contype FROM pg_constraint WHERE conrelid = %s::regclass"
                " AND contype IN ('p', 'f') ORDER BY contype",
                [f"{table}_1999_01"],
            )
            assert [kind for (kind,) in cursor.fetchall()] == kinds

    def test_ahead_reaches_the_months_to_come(self):
        partitions.ahead(date(1999, 1, 31), months=2)

        assert partitions.ensure(date(1999, 1, 1), date(1999, 3, 31)) == 0
        assert partitions.ensure(date(1999, 4, 1), date(1999, 4, 1)) == 3

    def test_around_a_day_lie_its_neighbours(self):
        partitions.ensure_around([date(1999, 2, 28)])

        assert partitions.ensure(date(1999, 2, 1), date(1999, 3, 1)) == 0

    def test_by_command(self, capsys):
        call_command("make_partitions", "--months=0", "--from=2025-01-01")
        call_command("make_partitions", "--months=0", "--from=2025-01-01")

        assert capsys.readouterr().out.endswith("0 partitions made.\n")


@pytest.mark.django_db(transaction=True)
def test_processes_that_need_the_same_month_do_not_disturb_one_another():
    drop(MONTHS)
    barrier, made, errors = Barrier(4), [], []

    def work():
        try:
            barrier.wait()
            made.append(partitions.ensure(MONTHS[0], MONTHS[-1]))
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drop(MONTHS)

    assert errors == []
    assert sorted(made) == [0, 0, 0, 12]
