"""Civil dawn and dusk as the `astral` package (version 3.2) tells them, in UTC."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from meters.batches import microseconds
from meters.vee.darkness import CIVIL, SOUTH_AFRICA, elevation, is_dark
from meters.vee.validation import INTERVAL

CAPE_TOWN, JOHANNESBURG, DURBAN = (-33.925, 18.424), (-26.205, 28.05), (-29.858, 31.029)
MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("place", "day", "dawn", "dusk"),
    [
        pytest.param(CAPE_TOWN, "2026-01-01", "03:09:25", "18:30:04", id="Cape Town, summer"),
        pytest.param(CAPE_TOWN, "2026-06-21", "05:23:16", "16:12:57", id="Cape Town, winter"),
        pytest.param(JOHANNESBURG, "2026-09-22", "03:34:19", "16:27:13", id="Johannesburg, spring"),
        pytest.param(JOHANNESBURG, "2026-12-21", "02:45:49", "17:25:51", id="Johannesburg, summer"),
        pytest.param(DURBAN, "2026-06-21", "04:24:21", "15:31:01", id="Durban, winter"),
    ],
)
def test_the_sun_stands_six_degrees_low_at_civil_dawn_and_dusk(place, day, dawn, dusk):
    for clock, rising in ((dawn, 1), (dusk, -1)):
        at = microseconds(datetime.fromisoformat(f"{day}T{clock}+00:00"))
        around = np.array([at - rising * MINUTE, at + rising * MINUTE])

        lower, higher = elevation(around, *place)

        assert lower < CIVIL < higher


class TestIsDark:
    def dark(self, *clocks: str, places=(JOHANNESBURG,)):
        starts = [microseconds(datetime.fromisoformat(f"2026-06-21T{c}+02:00")) for c in clocks]
        return is_dark(np.array(starts), places).tolist()

    def test_from_end_to_end(self):
        """Civil dusk in Johannesburg is at 17:50 local time that day, dawn at 06:29."""
        assert self.dark("17:30", "17:45", "18:00") == [False, False, True]
        assert self.dark("06:00", "06:15", "12:00") == [True, False, False]

    def test_without_coordinates_only_where_the_whole_country_is_dark(self):
        start = datetime(2026, 12, 21, tzinfo=UTC)
        starts = np.array(
            [microseconds(start + n * timedelta(minutes=15)) for n in range(96)], np.int64
        )
        country = is_dark(starts, SOUTH_AFRICA)

        assert 0 < country.sum() < 40
        for place in (CAPE_TOWN, JOHANNESBURG, DURBAN):
            assert not (country & ~is_dark(starts, [place])).any()
        assert INTERVAL == 15 * MINUTE
