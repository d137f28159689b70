from datetime import UTC, datetime, timedelta

import pytest

from meters.dlms import obis
from meters.dlms.errors import (
    AccessDenied,
    DataAccessResult,
    ObjectUndefined,
)
from meters.dlms.services import Attribute
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.values import ControlState, RegisterValue, RelayState, Unit
from meters.tests.dlms.running import line_to, meter_of, run
from meters.tests.dlms.standin import (
    NOON,
    QUARTER,
    StandIn,
    export_at,
    import_at,
    status_at,
    water,
)

IMPORT, EXPORT = obis.ENERGY_IMPORT, obis.ENERGY_EXPORT
DAY_BEFORE = NOON - timedelta(hours=24)


def wh(value):
    return RegisterValue(value, Unit.WATT_HOUR, raw=value, scaler=0)


class TestRead:
    def test_gives_the_clock_in_utc(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                return await meter.clock()

        assert run(main()) == NOON
        assert run(main()).tzinfo is UTC

    def test_gives_registers_in_watt_hours(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                return await meter.register(IMPORT), await meter.register(EXPORT)

        assert run(main()) == (wh(106_227_500), wh(522_851))

    def test_gives_water_in_litres(self):
        async def main():
            async with meter_of(water()) as meter:
                return await meter.register(obis.VOLUME)

        assert run(main()) == RegisterValue(206_227_500, Unit.LITRE, raw=206_227_500, scaler=-3)

    def test_gives_the_serial_and_the_logical_device_name(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                return await meter.serial(), await meter.logical_device_name()

        assert run(main()) == ("46000101", "LGZ46000101")

    def test_raises_for_an_object_the_meter_does_not_have(self):
        async def main():
            async with meter_of(water()) as meter:
                with pytest.raises(ObjectUndefined):
                    await meter.relay()
                with pytest.raises(ObjectUndefined):
                    await meter.disconnect()

        run(main())

    def test_lists_the_meters_behind_a_concentrator(self):
        async def main():
            async with (
                line_to(StandIn(101), water(201)) as (_, line),
                line.associate(logical_device=1) as concentrator,
            ):
                return await concentrator.logical_devices()

        assert run(main()) == {1: "LGZDC450", 101: "LGZ46000101", 201: "LGZ46000201"}

    def test_keeps_a_failure_in_its_place_in_a_list(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                return await meter.get_many(
                    [
                        Attribute(3, IMPORT, 2),
                        Attribute(3, "1.0.99.99.99.255", 2),
                        Attribute(1, IMPORT, 2),
                        Attribute(3, IMPORT, 99),
                    ]
                )

        value, missing, other_class, other_attribute = run(main())
        assert value == 106_227_500
        assert isinstance(missing, ObjectUndefined)
        assert other_class.result is DataAccessResult.OBJECT_CLASS_INCONSISTENT
        assert other_attribute.result is DataAccessResult.READ_WRITE_DENIED


class TestSnapshot:
    @pytest.mark.parametrize(
        ("lists", "requests"),
        [
            pytest.param("offered", 1, id="one list"),
            pytest.param("absent", 8, id="not offered: one by one"),
            pytest.param("refused", 9, id="offered but refused: one by one"),
        ],
    )
    def test_asks_as_seldom_as_the_meter_allows(self, lists, requests):
        async def main():
            async with line_to(behaviour=Behaviour(lists=lists)) as (concentrator, line):
                async with line.associate(logical_device=101) as meter:
                    before = concentrator.answered
                    snapshot = await meter.snapshot(registers=[IMPORT, EXPORT])
                    asked = concentrator.answered - before
                return snapshot, asked

        snapshot, asked = run(main())
        assert snapshot.clock == NOON
        assert snapshot.registers == {IMPORT: wh(106_227_500), EXPORT: wh(522_851)}
        assert snapshot.relay == RelayState(True, ControlState.CONNECTED, 4)
        assert asked == requests

    def test_remembers_that_lists_were_refused(self):
        async def main():
            async with line_to(behaviour=Behaviour(lists="refused")) as (concentrator, line):
                for _ in range(2):
                    async with line.associate(logical_device=101) as meter:
                        before = concentrator.answered
                        await meter.snapshot(relay=False, registers=[IMPORT])
                        asked = concentrator.answered - before
                return asked

        assert run(main()) == 3

    def test_leaves_out_what_a_meter_does_not_have(self):
        async def main():
            async with meter_of(water()) as meter:
                return await meter.snapshot(registers=[obis.VOLUME, IMPORT])

        snapshot = run(main())
        assert list(snapshot.registers) == [obis.VOLUME]
        assert snapshot.relay is None

    def test_splits_a_list_that_the_meter_could_not_take(self):
        async def main():
            async with meter_of(StandIn(), Behaviour(max_pdu=64)) as meter:
                return await meter.snapshot(registers=[IMPORT, EXPORT])

        assert run(main()).registers[EXPORT] == wh(522_851)


def expected(device, start, end):
    marks = [start + number * QUARTER for number in range((end - start) // QUARTER + 1)]
    return [
        (at, status_at(at), {IMPORT: import_at(device, at), EXPORT: export_at(device, at)})
        for at in marks
    ]


def told(rows):
    return [(row.taken_at, row.status, dict(row.values)) for row in rows]


class TestProfile:
    @pytest.mark.parametrize("compressed", [False, True])
    @pytest.mark.parametrize("max_pdu", [0xFFFF, 256, 40])
    def test_gives_96_rows_of_a_day(self, compressed, max_pdu):
        async def main():
            behaviour = Behaviour(null_compression=compressed)
            async with meter_of(StandIn(), behaviour, max_pdu=max_pdu) as meter:
                return await meter.profile(obis.LOAD_PROFILE, start=DAY_BEFORE, end=NOON)

        rows = run(main())
        assert len(rows) == 96
        first = datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
        assert told(rows) == expected(101, first, NOON - timedelta(minutes=5))

    def test_includes_both_bounds(self):
        start, end = NOON - timedelta(minutes=35), NOON - timedelta(minutes=5)

        async def main():
            async with meter_of(StandIn()) as meter:
                return await meter.profile(obis.LOAD_PROFILE, start=start, end=end)

        assert [row.taken_at for row in run(main())] == [start, start + QUARTER, end]

    def test_is_empty_where_nothing_was_stored(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                later = NOON + timedelta(days=1)
                none = await meter.profile(obis.LOAD_PROFILE, start=NOON, end=later)
                reversed_ = await meter.profile(obis.LOAD_PROFILE, start=later, end=NOON)
                return none, reversed_

        assert run(main()) == ([], [])

    def test_gives_litres_of_a_water_meter(self):
        async def main():
            async with meter_of(water()) as meter:
                start = NOON - timedelta(minutes=10)
                return await meter.profile(obis.VOLUME_PROFILE, start=start, end=NOON)

        [row] = run(main())
        assert row.values == {obis.VOLUME: import_at(201, row.taken_at)}

    def test_reads_rows_by_number(self):
        async def main():
            async with meter_of(StandIn(), Behaviour(profile_entries=4)) as meter:
                return (
                    await meter.profile_entries(obis.LOAD_PROFILE, first=2, last=3),
                    await meter.profile_entries(obis.LOAD_PROFILE, first=4),
                )

        middle, newest = run(main())
        assert [row.taken_at.minute for row in middle] == [30, 45]
        assert [row.taken_at for row in newest] == [NOON - timedelta(minutes=5)]

    def test_takes_one_request_once_the_layout_is_known(self):
        async def main():
            async with line_to() as (concentrator, line):
                asked = []
                for _ in range(2):
                    async with line.associate(logical_device=101) as meter:
                        before = concentrator.answered
                        await meter.profile(obis.LOAD_PROFILE, start=DAY_BEFORE, end=NOON)
                        asked.append(concentrator.answered - before)
                return asked

        assert run(main()) == [3, 1]


class TestRelay:
    def test_is_switched_and_read_back(self):
        standin = StandIn()

        async def main():
            async with meter_of(standin) as meter:
                await meter.disconnect()
                cut = await meter.relay()
                await meter.reconnect()
                return cut, await meter.relay()

        cut, restored = run(main())
        assert cut == RelayState(False, ControlState.DISCONNECTED, 4)
        assert restored == RelayState(True, ControlState.CONNECTED, 4)
        assert standin.commands == ["disconnect", "reconnect"]

    @pytest.mark.parametrize("mode", [1, 3, 5, 6])
    def test_waits_for_the_button_in_some_modes(self, mode):
        async def main():
            async with meter_of(StandIn(control_mode=mode)) as meter:
                await meter.disconnect()
                await meter.reconnect()
                return await meter.relay()

        assert run(main()) == RelayState(False, ControlState.READY_FOR_RECONNECTION, mode)

    @pytest.mark.parametrize("mode", [2, 4])
    def test_closes_at_once_in_others(self, mode):
        async def main():
            async with meter_of(StandIn(control_mode=mode)) as meter:
                await meter.disconnect()
                await meter.reconnect()
                return await meter.relay()

        assert run(main()) == RelayState(True, ControlState.CONNECTED, mode)

    def test_is_not_switched_in_mode_0(self):
        standin = StandIn(control_mode=0)

        async def main():
            async with meter_of(standin) as meter:
                with pytest.raises(AccessDenied) as denied:
                    await meter.disconnect()
                return denied.value.result, await meter.relay()

        result, relay = run(main())
        assert result is DataAccessResult.READ_WRITE_DENIED
        assert relay.output
        assert standin.commands == []


class TestSetClock:
    def test_sets_it(self):
        async def main():
            async with meter_of(StandIn()) as meter:
                await meter.set_clock(NOON + timedelta(seconds=90))
                return await meter.clock()

        assert run(main()) == NOON + timedelta(seconds=90)
