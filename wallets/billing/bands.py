"""
What a month used by time-of-use band, summed anew only from where something may have changed.

A bill keeps what the days before today added up to, with their state and the calendar they were
divided by. While both are the same, a run reads the quarter hours of today alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b

from django.db import connection

from quantify.periods import days
from rates.pricing import Terms
from rates.usage import Usage
from wallets.arrays import array
from wallets.billing.metered import BILLED_CHANNELS
from wallets.billing.stretches import Counted, KeptRow, Part

DAY = timedelta(days=1)

type Clock = Sequence[tuple[date, Sequence[str]]]


# The bands of the quarter hours by the clocks of the estates are found once for all units. The
# lateral look-ups stay on the keys of the partitions, and on the days that are asked for.
BANDS = """
WITH clock AS MATERIALIZED (
    SELECT zone.name AS zone, quarter.start, calendar.day, calendar.band
    FROM (
        SELECT DISTINCT estate.time_zone AS name
        FROM units_unit AS unit JOIN estates_estate AS estate ON estate.id = unit.estate_id
        WHERE unit.id = ANY (%(units)s::uuid[])
    ) AS zone
    CROSS JOIN generate_series(%(first)s::timestamp AT TIME ZONE zone.name,
        %(end)s::timestamp AT TIME ZONE zone.name - interval '15 minutes', interval '15 minutes')
        AS quarter (start)
    CROSS JOIN LATERAL (SELECT quarter.start AT TIME ZONE zone.name AS start) AS local
    JOIN unnest(%(days)s::date[], %(slots)s::int[], %(bands)s::text[])
        AS calendar (day, slot, band) ON calendar.day = local.start::date AND calendar.slot
            = (extract(hour FROM local.start) * 4 + extract(minute FROM local.start)::int / 15)::int
)
SELECT asked.n, clock.band, clock.day < %(today)s AS is_over, sum(used.quantity)::bigint,
    min(clock.day)
FROM unnest(%(units)s::uuid[], %(since)s::date[]) WITH ORDINALITY AS asked (unit_id, since, n)
JOIN meters_installation AS installation
    ON installation.unit_id = asked.unit_id AND installation.kind = %(utility)s
JOIN units_unit AS unit ON unit.id = installation.unit_id
JOIN estates_estate AS estate ON estate.id = unit.estate_id
CROSS JOIN LATERAL (
    SELECT start, quantity FROM meters_interval
    WHERE meter_id = installation.meter_id AND channel = ANY (%(channels)s)
        AND start >= greatest(asked.since::timestamp AT TIME ZONE estate.time_zone,
            installation.starts_at)
        AND start < least(%(end)s::timestamp AT TIME ZONE estate.time_zone, installation.ends_at)
    OFFSET 0
) AS used
JOIN clock ON clock.start = used.start AND clock.zone = estate.time_zone
GROUP BY 1, 2, 3
"""


@dataclass(slots=True)
class Banded:
    """What a part used by band, what of it today, and what of it may be kept."""

    used: dict[str, int] = field(default_factory=dict)
    since: dict[str, date] = field(default_factory=dict)
    kept: KeptRow | None = None
    today: dict[str, int] = field(default_factory=dict)

    def add(self, band: str, quantity: int, first: date) -> None:
        self.used[band] = self.used.get(band, 0) + quantity
        self.since[band] = min(first, self.since.get(band, first))

    def usage(self, counted: Counted) -> Usage:
        """As the engine takes it; the days are those that were counted."""
        known = bool(self.used)
        return Usage(
            total=sum(self.used.values()),
            bands=self.used,
            since=self.since,
            first_day=min(self.since.values(), default=None),
            last_day=counted.last_day if known else None,
        )


class Reading:
    """The parts of one tariff in the same days, and what is kept of them."""

    def __init__(self, terms: Terms, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._supply = parts[0].supply
        self._first = terms.first_day
        self._end = min(terms.end_day, self._supply.priced_to)
        self._today = self._supply.priced_to - DAY
        self._clock = _clock(terms, self._end)
        self._marks: dict[str, str] = {}

    def banded(self, counted: Sequence[Counted], kept: Sequence[KeptRow | None]) -> list[Banded]:
        """What the parts used by band, given what their days add up to and what was kept."""
        found = [self._begun(sums, row) for sums, row in zip(counted, kept, strict=True)]
        since = [date.fromisoformat(one.kept["to"]) if one.kept else self._first for one in found]
        rows = self._read(since) if min(since) < self._end else []
        for n, band, is_over, quantity, first in rows:
            if is_over:
                found[n - 1].add(band, quantity, first)
        for one, sums in zip(found, counted, strict=True):
            one.kept = self._keep(one, sums)
        for n, band, is_over, quantity, first in rows:
            if not is_over:
                found[n - 1].add(band, quantity, first)
                found[n - 1].today[band] = quantity
        return found

    def _begun(self, counted: Counted, kept: KeptRow | None) -> Banded:
        """What was kept, if it still stands; else nothing."""
        if kept is None or kept["state"] != counted.kept_state or kept["to"] > str(self._today):
            return Banded()
        if kept.get("calendar") != self._mark(kept["to"]):
            return Banded()
        used = {band: quantity for band, (quantity, _) in kept["bands"].items()}
        since = {band: date.fromisoformat(day) for band, (_, day) in kept["bands"].items()}
        return Banded(used, since, kept)

    def _keep(self, banded: Banded, counted: Counted) -> KeptRow | None:
        if counted.state is None:
            return None
        to = str(self._today)
        return {
            "to": to,
            "state": counted.state,
            "calendar": self._mark(to),
            "bands": {band: (used, str(banded.since[band])) for band, used in banded.used.items()},
        }

    def _mark(self, to: str) -> str:
        """A digest of how the calendar divides the days before one."""
        if to not in self._marks:
            digest = blake2b(digest_size=8)
            for day, names in self._clock:
                if str(day) < to:
                    digest.update(f"{day} {','.join(names)};".encode())
            self._marks[to] = digest.hexdigest()
        return self._marks[to]

    def _read(self, since: Sequence[date]) -> list[tuple[int, str, bool, int, date]]:
        """
        By part and band what was used since some days, apart what was used before today.

        The bands of all quarter hours travel to the database once and the intervals are summed
        there: for a month of one unit a few rows come back instead of thousands.
        """
        first = min(since)
        slots = [
            (day, slot, band)
            for day, names in self._clock
            if day >= first
            for slot, band in enumerate(names)
        ]
        with connection.cursor() as cursor:
            cursor.execute(BANDS, {
                "units": array(one.supply.place.unit_id.hex for one in self._parts),
                "since": array(str(day) for day in since),
                "utility": self._supply.utility.value,
                "channels": BILLED_CHANNELS,
                "first": first,
                "end": self._end,
                "today": self._today,
                "days": array(str(day) for day, _, _ in slots),
                "slots": array(str(slot) for _, slot, _ in slots),
                "bands": [band for _, _, band in slots],
            })  # fmt: skip
            rows: list[tuple[int, str, bool, int, date]] = cursor.fetchall()
        return rows


def _clock(terms: Terms, end: date) -> Clock:
    calendar, bands = terms.tariff.calendar, terms.tariff.time_of_use
    if calendar is None or bands is None:
        raise AssertionError("Only tariffs with a calendar are read by band.")
    return [(day, calendar.band_slots(day, bands.holidays)) for day in days(terms.first_day, end)]
