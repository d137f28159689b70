from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.dlms import instants
from meters.dlms.errors import FrameError
from meters.dlms.instants import ClockStatus

SOUTH_AFRICA = timedelta(hours=2)
NOON = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)


def decode(text, offset=SOUTH_AFRICA):
    return instants.decode(bytes.fromhex(text), offset=offset)


class TestEncode:
    def test_writes_local_time_and_the_way_back_to_utc(self):
        # A Monday, 14:05 local; -120 minutes lead to UTC.
        assert instants.encode(NOON, offset=SOUTH_AFRICA).hex() == "07ea0302010e050000ff8800"

    def test_takes_any_zone(self):
        local = NOON.astimezone(tz=None)

        assert instants.encode(local, offset=timedelta(0)).hex() == "07ea0302010c050000000000"


class TestDecode:
    def test_follows_the_deviation_of_the_meter(self):
        instant = decode("07ea0302010e050000ff8800", offset=timedelta(0))

        assert instant.at == NOON
        assert instant.offset == SOUTH_AFRICA

    def test_takes_the_given_offset_where_there_is_no_deviation(self):
        assert decode("07ea0302ff0e0500ff8000ff").at == NOON

    def test_counts_unspecified_minutes_seconds_and_hundredths_as_zero(self):
        assert decode("07ea0302ff0effffffff88ff").at == NOON.replace(minute=0)

    def test_keeps_hundredths(self):
        assert decode("07ea0302010e05000aff8800").at.microsecond == 100_000

    def test_reads_the_status(self):
        assert decode("07ea0302010e050000ff8881").status == (
            ClockStatus.INVALID | ClockStatus.DAYLIGHT_SAVING
        )
        assert decode("07ea0302010e050000ff88ff").status == ClockStatus(0)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param("07ea0302010e050000ff88", id="eleven octets"),
            pytest.param("ffff0302010e050000ff8800", id="no year"),
            pytest.param("07eaff02010e050000ff8800", id="no month"),
            pytest.param("07ea021e010e050000ff8800", id="the thirtieth of February"),
            pytest.param("07ea030201190500000000ff", id="hour 25"),
            pytest.param("07ea0302010e050000700000", id="a deviation of weeks"),
            pytest.param("000101010100000000ff8800", id="before the first day"),
            pytest.param("07ea0302010e050064ff8800", id="a hundred hundredths"),
        ],
    )
    def test_refuses(self, data):
        with pytest.raises(FrameError):
            decode(data)

    @given(
        st.datetimes(
            min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
            max_value=datetime(2090, 1, 1),  # noqa: DTZ001
            timezones=st.just(UTC),
        ),
        st.integers(-720, 840),
    )
    def test_gives_back_what_was_encoded(self, at, minutes):
        at = at.replace(microsecond=at.microsecond // 10_000 * 10_000)
        raw = instants.encode(at, offset=timedelta(minutes=minutes))

        assert instants.decode(raw, offset=timedelta(0)).at == at
