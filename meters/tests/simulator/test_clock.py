from datetime import datetime, timedelta

import pytest

from meters.dlms.simulator.clock import SimulatedClock
from meters.tests.simulator.estate import DAY, EPOCH, Time


class Notebook:
    def __init__(self, checkpoint: datetime | None = None) -> None:
        self.checkpoint = checkpoint
        self.kept: list[datetime] = []

    def keep(self, checkpoint: datetime) -> None:
        self.checkpoint = checkpoint
        self.kept.append(checkpoint)


@pytest.fixture
def time():
    return Time(EPOCH)


def clock_of(time, *notebooks):
    return SimulatedClock.resume(notebooks, behind=DAY, speed=60, time_source=time)


class TestNow:
    def test_starts_behind_and_runs_faster(self, time):
        clock = clock_of(time)
        assert clock.now() == EPOCH - DAY

        time.at += timedelta(seconds=10)

        assert clock.now() == EPOCH - DAY + timedelta(minutes=10)
        assert clock.lag == DAY - timedelta(minutes=10) + timedelta(seconds=10)

    def test_catches_up_and_keeps_pace(self, time):
        clock = clock_of(time)

        # A day at 60 to 1, while real time goes on: 86400 / 59 seconds.
        time.at += timedelta(seconds=1464)
        assert clock.now() < time.at
        time.at += timedelta(seconds=1)
        assert clock.now() == time.at
        time.at += 3 * DAY
        assert clock.now() == time.at

    def test_never_goes_back(self, time):
        clock = clock_of(time)
        time.at += timedelta(hours=1)
        told = clock.now()

        time.at -= timedelta(minutes=30)

        assert clock.now() == told

    def test_is_never_ahead_of_real_time(self, time):
        clock = SimulatedClock(start=EPOCH + DAY, time_source=time)

        assert clock.now() == EPOCH


class TestCheckpoint:
    def test_is_left_before_the_time_is_told(self, time):
        notebook = Notebook()
        clock = clock_of(time, notebook)

        for _ in range(100):
            assert clock.now() < notebook.checkpoint
            time.at += timedelta(seconds=1)

        # Five seconds at sixty times the pace.
        assert len(notebook.kept) == 20

    def test_is_where_the_next_clock_goes_on(self, time):
        notebook = Notebook()
        clock = clock_of(time, notebook)
        time.at += timedelta(seconds=99)
        told = clock.now()
        time.at += timedelta(seconds=60)

        resumed = clock_of(time, notebook)

        assert told < resumed.now() <= told + timedelta(minutes=5)
        time.at += timedelta(seconds=1)
        assert resumed.now() <= told + timedelta(minutes=6)

    def test_ahead_of_real_time_is_cut_to_it(self, time):
        assert clock_of(time, Notebook(EPOCH + timedelta(minutes=4))).now() == EPOCH

    def test_of_the_latest_keeper_counts(self, time):
        notebooks = [Notebook(EPOCH - DAY / 2), Notebook(EPOCH - DAY / 4), Notebook()]

        assert clock_of(time, *notebooks).now() == EPOCH - DAY / 4
