"""Many readings at once: whole meters in a part, parts two at a time, one result."""

from threading import Barrier, Thread

import numpy as np
import pytest
from django.db import IntegrityError, connection, connections

from meters import readings
from meters.batches import ReadingArrays
from meters.models import Meter, Reading
from meters.tests.recording import LATER, everything, new_meter, raw, record

QUARTERS = range(200)


def arrays(*meters: Meter) -> ReadingArrays:
    """Readings of these meters in the order of time, as they arrive."""
    return ReadingArrays.of_rows(
        raw(meter, quarter, quarter * (number + 2))
        for quarter in QUARTERS
        for number, meter in enumerate(meters)
    )


class TestByMeters:
    KEYS = [(bytes([number]), channel) for number in range(3) for channel in (1, 2)]

    def parts(self, at_most: int) -> list[ReadingArrays]:
        register = np.tile(np.arange(6), 5)
        count = np.arange(30)
        whole = ReadingArrays(self.KEYS, register, count, count, count, count > 30)
        return list(whole.by_meters(at_most))

    @pytest.mark.parametrize(
        ("at_most", "sizes"),
        [
            pytest.param(1, [10, 10, 10], id="a meter stays whole"),
            pytest.param(29, [20, 10], id="as many as fit"),
            pytest.param(30, [30], id="all in one"),
        ],
    )
    def test_keep_the_registers_of_a_meter_together(self, at_most, sizes):
        assert [len(part) for part in self.parts(at_most)] == sizes

    def test_have_every_reading_once_in_order(self):
        found = [
            (part.keys[register], value)
            for part in self.parts(20)
            for register, value in zip(part.register, part.value, strict=True)
        ]

        assert found == [(self.KEYS[n], value) for n in range(6) for value in range(n, 30, 6)]

    def test_of_nothing_are_none(self):
        assert list(ReadingArrays.none_of([]).by_meters(10)) == []


@pytest.mark.django_db(transaction=True)
class TestInLanes:
    @pytest.fixture(autouse=True)
    def _small_parts(self, monkeypatch):
        monkeypatch.setattr(readings, "ROWS_AT_ONCE", 2 * len(QUARTERS))

    def test_comes_to_what_one_transaction_would(self):
        meters, twins = ([new_meter() for _ in range(7)] for _ in range(2))

        told = readings.record_all(arrays(*meters), received_at=LATER)

        assert told == readings.record(arrays(*twins), received_at=LATER)
        assert told.created == 1400
        assert everything(meters) == everything(twins)

    def test_twice_at_the_same_time_is_once(self):
        meters = [new_meter() for _ in range(6)]
        both, told = Barrier(2), []

        def run() -> None:
            both.wait()
            told.append(readings.record_all(arrays(*meters), received_at=LATER))
            connections.close_all()

        threads = [Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        total = sum(told, readings.Recorded())
        assert (total.created, total.duplicates, total.intervals) == (1200, 1200, 6 * 199)
        assert Reading.objects.count() == 1200


@pytest.mark.django_db
class TestMeterWithReadings:
    """Readings have no foreign key; the meter keeps itself."""

    def delete(self, meter: Meter) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM meters_register WHERE meter_id = %s", [meter.pk])
            cursor.execute("DELETE FROM meters_meter WHERE id = %s", [meter.pk])

    def test_is_not_deleted(self):
        meter = new_meter()
        record(meter, {0: 5})

        with pytest.raises(IntegrityError, match="has readings"):
            self.delete(meter)

    def test_is_deleted_without(self):
        meter = new_meter()
        record(new_meter(), {0: 5})

        self.delete(meter)

        assert not Meter.objects.filter(pk=meter.pk).exists()
