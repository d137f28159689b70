"""Swapped meters in an estate: found by a cut, kept once, and ended by one that works."""

from datetime import timedelta
from decimal import Decimal

import pytest

from estates.tests.factories import EstateFactory
from meters import readings
from meters.alerts import following
from meters.models import Finding, MeterAlert
from meters.tests.factories import CommandFactory, InstallationFactory
from meters.tests.recording import at, new_meter, raw
from meters.vee import checking, cut_traces, limits
from units.tests.factories import UnitFactory

DAYS = 20
NOW = at(DAYS * 96) + timedelta(minutes=3)
FIRST, SECOND = 15 * 96 + 40, 18 * 96 + 8
"""The quarters in which two cuts begin."""

pytestmark = pytest.mark.django_db


@pytest.fixture
def homes():
    """A-0, A-1 and A-2, who use 60, 40 and 20 Wh in a quarter of an hour."""
    estate = EstateFactory.create()
    meters = [new_meter(estate=estate) for _ in range(3)]
    for number, meter in enumerate(meters):
        unit = UnitFactory.create(estate=estate, unit_number=f"A-{number}", status="occupied")
        InstallationFactory.create(meter=meter, unit=unit, starts_at=at(0), opening_value=0)
    return meters


def use(homes, still=(), *, status=None):
    """Let the homes count for 20 days; ``still``: who used nothing in which quarters."""
    rows = []
    for number, meter in enumerate(homes):
        quiet = {quarter for who, span in still if who == number for quarter in span}
        total = 0
        for quarter in range(DAYS * 96 + 1):
            bits = (status or {}).get((number, quarter), 0)
            rows.append(raw(meter, quarter, total, bits))
            total += 0 if quarter in quiet else 60 - 20 * number
    readings.record(rows, received_at=NOW)


def cut(meter, begin, end):
    """A cut and a reconnection some minutes into a quarter."""
    for action, quarter in (("disconnect", begin + 0.4), ("reconnect", end + 0.6)):
        CommandFactory.create(
            meter=meter, action=action, state="verified", requested_at=at(quarter),
            sent_at=at(quarter), verified_at=at(quarter),
        )  # fmt: skip


def dark(begin, length=12):
    """The quarters in which a relay that switches within the ones around them is open."""
    return range(begin + 1, begin + length)


def findings():
    return list(Finding.objects.filter(rule="swapped").exclude(state="closed"))


def test_are_found_and_the_alert_names_both(homes):
    use(homes, [(1, dark(FIRST))])
    cut(homes[0], FIRST, FIRST + 12)

    assert cut_traces.check(now=NOW) == 1
    assert cut_traces.check(now=NOW) == 0

    (finding,) = findings()
    assert (finding.meter, finding.quantity) == (homes[0], 96 * 20)
    assert (finding.starts_at, finding.ends_at) == (at(FIRST + 1), at(FIRST + 12))
    assert finding.says == (
        "A-0 and A-1 look swapped: cut for 2.75 h from 2026-06-23 10:15, A-0 counted on"
        " (0.660 kWh) and A-1 stopped until the reconnection."
        " One would pay for 1.920 kWh a day of the other."
    )
    following.follow(now=NOW)
    alert = MeterAlert.objects.get(kind="swapped_meters")
    assert (alert.meter, alert.severity, alert.daily_quantity) == (homes[0], "error", 1920)
    assert alert.message == f"Swapped meters at A-0: {finding.says}"


def test_are_no_second_alarm_of_a_bypass(homes):
    use(homes, [(1, dark(FIRST))])
    cut(homes[0], FIRST, FIRST + 12)
    checking.run(now=NOW)
    assert Finding.objects.filter(rule="while_disconnected").exists()
    cut_traces.check(now=NOW)

    following.follow(now=NOW)

    assert {one.kind for one in MeterAlert.objects.all()} == {"swapped_meters"}


def test_stay_one_finding_however_often_the_relay_tells(homes):
    use(homes, [(1, dark(FIRST)), (1, dark(SECOND))])
    cut(homes[0], FIRST, FIRST + 12)
    cut_traces.check(now=at(SECOND))
    cut(homes[0], SECOND, SECOND + 12)

    assert cut_traces.check(now=NOW) == 1

    (finding,) = findings()
    assert (finding.starts_at, finding.ends_at) == (at(FIRST + 1), at(SECOND + 12))


def test_are_over_with_a_cut_that_stops_the_home_it_should(homes):
    use(homes, [(1, dark(FIRST)), (0, dark(SECOND))])
    cut(homes[0], FIRST, FIRST + 12)
    cut_traces.check(now=at(SECOND))
    following.follow(now=at(SECOND))
    assert len(findings()) == 1
    cut(homes[0], SECOND, SECOND + 12)

    assert cut_traces.check(now=NOW) == 0

    assert findings() == []
    following.follow(now=NOW)
    alert = MeterAlert.objects.get(kind="swapped_meters")
    assert (alert.state, alert.ended_by_itself) == ("resolved", True)
    assert cut_traces.check(now=NOW) == 0
    assert findings() == []


def test_are_over_when_the_meter_is_moved(homes):
    use(homes, [(1, dark(FIRST))])
    cut(homes[0], FIRST, FIRST + 12)
    cut_traces.check(now=NOW)
    homes[0].installations.update(ends_at=NOW, closing_value=1_000_000)

    assert cut_traces.check(now=NOW) == 0

    assert findings() == []


def test_stay_decided(homes):
    use(homes, [(1, dark(FIRST))])
    cut(homes[0], FIRST, FIRST + 12)
    cut_traces.check(now=NOW)
    Finding.objects.update(state="closed", resolution="accepted")

    assert cut_traces.check(now=NOW) == 0

    assert findings() == []


class TestNobody:
    def test_whose_cut_works(self, homes):
        use(homes, [(0, dark(FIRST)), (1, dark(FIRST))])
        cut(homes[0], FIRST, FIRST + 12)

        assert cut_traces.check(now=NOW) == 0

    def test_who_is_bypassed_alone(self, homes):
        use(homes)
        cut(homes[0], FIRST, FIRST + 12)

        assert cut_traces.check(now=NOW) == 0

    def test_with_a_neighbour_whose_power_failed(self, homes):
        use(homes, [(1, dark(FIRST))], status={(1, FIRST + 12): 128})
        cut(homes[0], FIRST, FIRST + 12)

        assert cut_traces.check(now=NOW) == 0

    def test_with_a_neighbour_who_was_cut_as_well(self, homes):
        use(homes, [(1, dark(FIRST))])
        cut(homes[0], FIRST, FIRST + 12)
        cut(homes[1], FIRST, FIRST + 12)

        assert cut_traces.check(now=NOW) == 0

    def test_before_the_supply_is_back(self, homes):
        use(homes, [(1, dark(FIRST))])
        cut(homes[0], FIRST, FIRST + 12)
        homes[0].commands.filter(action="reconnect").update(action="read")

        assert cut_traces.check(now=NOW) == 0

    def test_after_a_cut_too_short_for_the_estate(self, homes):
        use(homes, [(1, dark(FIRST))])
        cut(homes[0], FIRST, FIRST + 12)
        limits.change(estate=homes[0].estate, values={"swapped.quarters": Decimal(12)})

        assert cut_traces.check(now=NOW) == 0

    def test_in_another_estate(self, homes):
        use(homes, [(1, dark(FIRST))])
        cut(homes[0], FIRST, FIRST + 12)
        type(homes[1]).objects.filter(pk=homes[1].pk).update(estate=EstateFactory.create())

        assert cut_traces.check(now=NOW) == 0


def test_a_neighbour_that_followed_before_is_not_taken_for_one_that_is_often_still(homes):
    """An earlier cut, of the same length, is no sign that the neighbour is ever still by itself."""
    use(homes, [(1, dark(FIRST)), (1, dark(SECOND))])
    cut(homes[0], FIRST, FIRST + 12)
    cut(homes[0], SECOND, SECOND + 12)

    assert cut_traces.check(now=NOW) == 1

    assert findings()[0].ends_at == at(SECOND + 12)
