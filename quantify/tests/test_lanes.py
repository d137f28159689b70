"""Batches in two threads with a connection each; in one within a database transaction."""

import threading
from datetime import date

import pytest
from django.db import connection

from quantify import lanes
from rates.tests.factories import flat
from wallets.billing import runs
from wallets.models import Transaction
from wallets.tests.billing.test_billing import JULY, metered_unit, noon
from wallets.tests.metering import use

THIRD = date(2026, 7, 3)


@pytest.mark.django_db(transaction=True)
class TestWorkOff:
    def test_works_on_two_batches_at_once(self):
        both = threading.Barrier(2, timeout=10)

        assert sorted(lanes.work_off([1, 2], lambda batch: (both.wait(), batch)[1])) == [1, 2]

    def test_gives_each_lane_a_connection_and_takes_it_back(self):
        def asked(_: int) -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
                return int(pid)

        pids = set(lanes.work_off(range(8), asked))

        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE state = 'active'")
            assert pids.isdisjoint(pid for (pid,) in cursor.fetchall())
        assert asked(0) not in pids

    def test_raises_what_a_batch_raised_once_the_other_lane_is_done(self):
        done = []

        def work(batch: int) -> None:
            if batch == 0:
                raise InterruptedError
            done.append(batch)

        with pytest.raises(InterruptedError):
            lanes.work_off(range(5), work)
        assert done == [1, 2, 3, 4]

    def test_bills_in_batches_what_one_batch_would(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(runs, "WALLETS_AT_ONCE", 2)
        for _ in range(7):
            use(metered_unit(flat("2.00")), THIRD, "10")

        told = runs.bill(now=noon(THIRD), since=JULY)

        assert (told.charged, str(told.total), told.busy) == (7, "161.00", 0)
        assert Transaction.objects.count() == 7


@pytest.mark.django_db
class TestWithinATransaction:
    def test_everything_stays_in_this_thread(self):
        here = threading.current_thread()

        assert lanes.work_off(range(3), lambda _: threading.current_thread()) == [here] * 3
