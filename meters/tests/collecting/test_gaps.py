from datetime import timedelta

import pytest

from meters import readings
from meters.collecting import gaps
from meters.models import MissingStretch, Reading
from meters.tests.collecting.kit import EPOCH, NOW, QUARTERS, gather, meter

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def newest_alone(served, hours_ago=0):
    """A reading of the newest quarter, as if another way had brought it."""
    taken = EPOCH + timedelta(days=3) - hours_ago * HOUR
    value = served.fleet[101].import_register(taken)
    readings.record([readings.RawReading(meter(101).pk, 1, taken, value)], received_at=NOW)


def stored():
    return Reading.objects.filter(meter=meter(101)).count()


def test_a_missing_middle_is_fetched(served, concentrator):
    newest_alone(served)
    assert stored() == 2

    assert gather(concentrator, serial="SIM000101").recorded.created == QUARTERS - 2

    assert stored() == QUARTERS
    assert not gaps.missing([(meter(101).pk, "1.0.99.1.0.255", NOW)], NOW)


def test_a_long_one_over_several_rounds(served, concentrator, monkeypatch):
    monkeypatch.setattr(gaps, "A_ROUND", timedelta(days=1))
    newest_alone(served)

    created = [gather(concentrator, serial="SIM000101").recorded.created for _ in range(4)]

    assert created == [96, 96, 95, 0]


def test_what_the_meter_does_not_have_is_asked_for_once(served, concentrator, monkeypatch):
    """The meter was without power for a day: its profile has no rows then."""
    whole = served.fleet[101].profile
    out = EPOCH + timedelta(days=1), EPOCH + timedelta(days=2)
    asked = []

    def profile(start, end):
        asked.append((start, end))
        return [row for row in whole(start, end) if not out[0] < row[0] < out[1]]

    monkeypatch.setattr(served.fleet[101], "profile", profile)
    gather(concentrator, serial="SIM000101")
    asked.clear()
    gather(concentrator, serial="SIM000101")
    again = [span for span in asked if span[1] < EPOCH + timedelta(days=2, minutes=1)]
    asked.clear()
    gather(concentrator, serial="SIM000101")

    assert again == [(out[0] + timedelta(seconds=1), out[1] - timedelta(seconds=1))]
    assert [span for span in asked if span[1] <= out[1]] == []
    assert MissingStretch.objects.get().asked_until == out[1]


def test_one_that_was_not_answered_is_asked_for_again(served, concentrator):
    newest_alone(served)
    whole = served.fleet[101].profile

    def profile(start, end):
        if end > EPOCH + timedelta(days=2, hours=23, minutes=59) and start < NOW - 2 * HOUR:
            raise ConnectionResetError
        return whole(start, end)

    served.fleet[101].profile = profile
    gather(concentrator, serial="SIM000101")
    assert stored() == 2
    served.fleet[101].profile = whole

    gather(concentrator, serial="SIM000101")

    assert stored() == QUARTERS


def test_the_search_reads_no_more_than_the_gaps(served, concentrator):
    from django.db import connection

    newest_alone(served)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        since = NOW - gaps.MEMORY
        asked = [[meter(101).pk], ["1.0.99.1.0.255"], [NOW], since, since]
        cursor.execute("EXPLAIN " + gaps._MISSING, asked)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "rules_idx" in plan or "meter_id_channel_taken_at_idx" in plan
