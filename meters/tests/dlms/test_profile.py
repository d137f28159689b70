from datetime import UTC, datetime, timedelta

import pytest

from meters.dlms import axdr, instants, obis
from meters.dlms.errors import FrameError
from meters.dlms.profile import ProfileLayout, decode_rows
from meters.dlms.selection import CLOCK_COLUMN, CaptureObject
from meters.dlms.values import ProfileRow, ScalerUnit, Unit

QUARTER = timedelta(minutes=15)
OFFSET = timedelta(hours=2)
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STATUS = CaptureObject(1, obis.AMR_STATUS, 2)
IMPORT = CaptureObject(3, obis.ENERGY_IMPORT, 2)
EXPORT = CaptureObject(3, obis.ENERGY_EXPORT, 2)
WATT_HOURS = ScalerUnit(0, Unit.WATT_HOUR)
SCALERS = {obis.ENERGY_IMPORT: WATT_HOURS, obis.ENERGY_EXPORT: WATT_HOURS}


def layout(*columns, scalers=SCALERS):
    return ProfileLayout(columns, QUARTER, scalers)


def clock(at):
    return axdr.octets(instants.encode(at, offset=OFFSET))


def decode(rows, columns):
    return decode_rows(
        axdr.array(axdr.structure(*row) for row in rows), columns, offset=timedelta(0)
    )


class TestDecodeRows:
    def test_maps_by_attribute_whatever_the_order(self):
        row = [axdr.uint32(7), axdr.uint8(32), clock(START), axdr.uint32(100)]

        decoded = decode([row], layout(EXPORT, STATUS, CLOCK_COLUMN, IMPORT))

        values = {obis.ENERGY_IMPORT: 100, obis.ENERGY_EXPORT: 7}
        assert decoded == [ProfileRow(START, 32, values)]

    def test_fills_in_what_null_compression_left_out(self):
        rows = [
            [clock(START), axdr.uint8(0), axdr.uint32(100), axdr.uint32(7)],
            [axdr.NULL, axdr.NULL, axdr.uint32(125), axdr.NULL],
            [axdr.NULL, axdr.uint8(32), axdr.NULL, axdr.NULL],
        ]

        decoded = decode(rows, layout(CLOCK_COLUMN, STATUS, IMPORT, EXPORT))

        assert [row.taken_at - START for row in decoded] == [QUARTER * 0, QUARTER, QUARTER * 2]
        assert [row.status for row in decoded] == [0, 0, 32]
        assert [row.values[obis.ENERGY_IMPORT] for row in decoded] == [100, 125, 125]
        assert [row.values[obis.ENERGY_EXPORT] for row in decoded] == [7, 7, 7]

    def test_leaves_out_a_value_that_was_never_given(self):
        rows = [[clock(START), axdr.NULL], [axdr.NULL, axdr.uint32(5)]]

        decoded = decode(rows, layout(CLOCK_COLUMN, IMPORT))

        assert [dict(row.values) for row in decoded] == [{}, {obis.ENERGY_IMPORT: 5}]
        assert [row.status for row in decoded] == [None, None]

    def test_applies_the_scaler_of_the_register(self):
        scalers = {obis.VOLUME: ScalerUnit(-2, Unit.CUBIC_METRE)}
        columns = layout(CLOCK_COLUMN, CaptureObject(3, obis.VOLUME, 2), scalers=scalers)

        [row] = decode([[clock(START), axdr.uint32(123)]], columns)

        assert row.values == {obis.VOLUME: 1230}

    def test_passes_over_columns_that_are_no_numbers(self):
        event = CaptureObject(1, "0.0.96.11.0.255", 2)
        captured = CaptureObject(4, obis.ENERGY_IMPORT, 5)
        row = [clock(START), axdr.octets(b"note"), clock(START), axdr.uint32(5)]

        [decoded] = decode([row], layout(CLOCK_COLUMN, event, captured, IMPORT))

        assert decoded.values == {obis.ENERGY_IMPORT: 5}

    def test_reads_an_empty_buffer(self):
        assert decode([], layout(CLOCK_COLUMN, IMPORT)) == []

    @pytest.mark.parametrize(
        "row",
        [
            pytest.param([axdr.NULL, axdr.uint32(1)], id="null clock in the first row"),
            pytest.param([axdr.uint32(5), axdr.uint32(1)], id="a clock that is a number"),
            pytest.param([clock(START)], id="a column short"),
            pytest.param([clock(START), axdr.octets(b"1")], id="a register that is text"),
            pytest.param([clock(START), axdr.float32(1.5)], id="a register that is a fraction"),
        ],
    )
    def test_refuses(self, row):
        with pytest.raises(FrameError):
            decode([row], layout(CLOCK_COLUMN, IMPORT))

    def test_refuses_a_profile_without_a_clock(self):
        with pytest.raises(FrameError, match="clock"):
            decode([[axdr.uint32(1)]], layout(IMPORT))

    def test_refuses_a_buffer_that_is_no_array(self):
        with pytest.raises(FrameError):
            decode_rows(axdr.uint8(1), layout(CLOCK_COLUMN), offset=OFFSET)
