from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from meters.dlms.simulator.fleet import Fleet, RelayRefused
from meters.tests.simulator.estate import DAY, EPOCH, SLOT, Time, estate, fleet_at

MORNING = EPOCH + 3 * DAY + timedelta(hours=5, minutes=4, seconds=17, microseconds=350)


@pytest.fixture
def time():
    return Time(MORNING)


@pytest.fixture
def fleet(tmp_path, time):
    return fleet_at(estate(3, planted={103: {"control_mode": 3}}), tmp_path, time)


class TestImportRegister:
    def test_rises_inside_a_slot_in_whole_units_from_mark_to_mark(self, fleet, time):
        start = EPOCH + DAY + timedelta(hours=17)
        values = [fleet[100].import_register(start + step * SLOT / 900) for step in range(1801)]

        (_, _, first, _), (_, _, middle, _), (_, _, last, _) = fleet[100].profile(
            start, start + 2 * SLOT
        )
        assert (values[0], values[900], values[1800]) == (first, middle, last)
        assert values == sorted(values)
        assert values[450] == first + (middle - first) // 2

    def test_is_the_opening_register_before_the_epoch(self, fleet):
        assert fleet[103].import_register(EPOCH - DAY) == 1000

    def test_is_not_told_for_a_time_that_has_not_come(self, fleet, time):
        assert fleet[100].import_register(MORNING + DAY) == fleet[100].import_register(MORNING)

    def test_refuses_an_instant_without_a_zone(self, fleet):
        with pytest.raises(TypeError):
            fleet[100].import_register(MORNING.replace(tzinfo=None))


class TestProfile:
    def test_holds_each_quarter_of_an_hour_that_has_come(self, fleet):
        rows = fleet[100].profile(MORNING - timedelta(hours=1), MORNING + DAY)

        marks = [row[0] for row in rows]
        assert marks == [EPOCH + 3 * DAY + timedelta(hours=4) + n * SLOT for n in range(1, 5)]
        assert {(row[1], row[3]) for row in rows} == {(0, 0)}

    def test_includes_both_ends_and_nothing_before_the_epoch(self, fleet):
        rows = fleet[100].profile(EPOCH - DAY, EPOCH + SLOT)

        assert [row[0] for row in rows] == [EPOCH, EPOCH + SLOT]

    def test_is_empty_where_no_mark_lies(self, fleet):
        assert fleet[100].profile(EPOCH + SLOT / 3, EPOCH + SLOT / 2) == []

    def test_grows_as_time_passes(self, fleet, time):
        time.at += 40 * DAY

        assert len(fleet[100].profile(MORNING, time.at)) == 40 * 96


class TestRelay:
    def test_stops_consumption_in_the_middle_of_a_slot(self, fleet, time):
        meter = fleet[100]
        at_cut = meter.import_register(MORNING)

        meter.disconnect()
        time.at += timedelta(hours=3)

        assert not meter.connected
        assert meter.import_register(time.at) == at_cut
        assert {row[2] for row in meter.profile(MORNING, time.at)} == {at_cut}

    def test_counts_exactly_what_would_have_flowed_while_connected(self, fleet, tmp_path, time):
        later = MORNING + timedelta(hours=7, minutes=1)
        meter = fleet[100]
        meter.disconnect()
        time.at += timedelta(hours=3, seconds=100)
        reconnected = time.at
        meter.reconnect()
        time.at = later
        (tmp_path / "other").mkdir()

        honest = fleet_at(estate(3), tmp_path / "other", time)[100]
        missed = honest.import_register(reconnected) - honest.import_register(MORNING)
        assert missed > 0
        assert meter.import_register(later) == honest.import_register(later) - missed
        registers = [row[2] for row in meter.profile(EPOCH, later)]
        assert registers == sorted(registers)

    def test_does_not_rewrite_what_was_before(self, fleet, time):
        before = fleet[100].profile(EPOCH, MORNING)

        fleet[100].disconnect()
        time.at += DAY

        assert fleet[100].profile(EPOCH, MORNING) == before

    def test_is_seen_by_the_bulk_meter(self, fleet, time):
        for device in (100, 103, 106):
            fleet[device].disconnect()
        bulk, start = fleet[17], fleet[17].common(MORNING)
        before = bulk.import_register(MORNING)

        time.at += timedelta(hours=6)

        common = bulk.common(time.at) - start
        assert bulk.import_register(time.at) - before == common

    def test_does_not_stop_what_goes_past_the_meter(self, tmp_path, time):
        bypass = {"bypass_from": EPOCH, "bypass_percent": 20}
        meter = fleet_at(estate(1, planted={100: bypass}), tmp_path, time)[100]
        meter.disconnect()
        registered, drawn = meter.import_register(time.at), meter.drawn(time.at)

        time.at += timedelta(hours=6)

        assert meter.import_register(time.at) == registered
        assert meter.drawn(time.at) > drawn

    def test_keeps_registers_monotone_under_several_threads(self, tmp_path):
        fleet = Fleet.open(estate(3), tmp_path / "journal.jsonl", speed=50_000, behind=60 * DAY)

        def read(device: int) -> list[int]:
            return [fleet[device].import_register(fleet[device].now()) for _ in range(2000)]

        with ThreadPoolExecutor() as pool:
            readings = [pool.submit(read, device) for device in (17, 100, 100, 103)]
            for _ in range(50):
                fleet[100].disconnect()
                fleet[100].reconnect()

        for reading in readings:
            assert reading.result() == sorted(reading.result())
        assert readings[0].result()[0] < readings[0].result()[-1]

    def test_waits_for_the_button_in_mode_3(self, fleet):
        meter = fleet[103]
        meter.press_button()
        meter.reconnect()
        assert (meter.connected, meter.ready_for_reconnection) == (True, False)

        meter.disconnect()
        meter.press_button()
        assert (meter.connected, meter.ready_for_reconnection) == (False, False)
        meter.reconnect()
        assert (meter.connected, meter.ready_for_reconnection) == (False, True)
        meter.press_button()
        assert (meter.connected, meter.ready_for_reconnection) == (True, False)

    def test_forgets_the_permission_when_disconnected_again(self, fleet):
        meter = fleet[103]
        meter.disconnect()
        meter.reconnect()

        meter.disconnect()
        meter.press_button()

        assert (meter.connected, meter.ready_for_reconnection) == (False, False)

    def test_still_withholds_while_ready(self, fleet, time):
        fleet[103].disconnect()
        stood = fleet[103].import_register(time.at)
        time.at += timedelta(hours=1)

        fleet[103].reconnect()
        time.at += timedelta(hours=1)

        assert fleet[103].import_register(time.at) == stood

    @pytest.mark.parametrize("device", [101, 17, 18])
    def test_is_refused_where_there_is_none(self, fleet, device):
        meter = fleet[device]

        with pytest.raises(RelayRefused):
            meter.disconnect()

        assert meter.connected
        assert (meter.has_relay, meter.control_mode) == (False, 0)


class TestSetClock:
    def test_moves_the_clock_but_not_the_registers(self, fleet, time):
        meter = fleet[100]
        before = meter.import_register(MORNING)

        meter.set_clock(MORNING + timedelta(hours=2))
        time.at += timedelta(minutes=1)

        assert meter.now() == MORNING + timedelta(hours=2, minutes=1)
        assert meter.import_register(MORNING) == before
        assert fleet[101].now() == time.at

    def test_marks_the_interval_in_which_it_jumped(self, fleet, time):
        fleet[100].set_clock(MORNING + timedelta(minutes=2))
        fleet[101].set_clock(MORNING + timedelta(seconds=2))
        time.at += timedelta(hours=1)

        rows = fleet[100].profile(MORNING, time.at)
        assert [row[1] for row in rows] == [0b0010_0000, 0, 0, 0]
        assert {row[1] for row in fleet[101].profile(MORNING, time.at)} == {0}


class TestOffline:
    def test_follows_the_plan(self, tmp_path, time):
        gone = {"offline_from": MORNING + SLOT, "offline_until": MORNING + DAY}
        fleet = fleet_at(estate(1, planted={100: gone}), tmp_path, time)

        seen = []
        for wait in (timedelta(0), SLOT, DAY):
            time.at = MORNING + wait
            seen.append(fleet[100].offline)

        assert seen == [False, True, False]
        assert len(fleet[100].profile(MORNING, time.at)) == 96
