"""
The monthly partitions of the three time series.

Readings and intervals are cut at the first instant of a month in UTC, daily consumption at the
first day. A partition is built apart and then attached, which lets readings be written to the
others meanwhile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction

from quantify.periods import first_of_month, next_month

ADVISORY_LOCK = 7_301_001


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table that is cut by month; ``time`` is written after a date to name the cut."""

    table: str
    time: str

    def partition(self, month: date) -> str:
        return f"{self.table}_{month:%Y_%m}"


TABLES = (
    Partitioned("meters_reading", " 00:00:00+00"),
    Partitioned("meters_interval", " 00:00:00+00"),
    Partitioned("meters_dailyconsumption", ""),
)
_known: set[date] = set()


def ensure(first: date, last: date) -> int:
    """Make the partitions of the months from ``first`` to ``last``, both included."""
    months = []
    month = first_of_month(first)
    while month <= last:
        months.append(month)
        month = next_month(month)
    return ensure_months(months)


def ahead(today: date, months: int = 3) -> int:
    """Make the partitions of this month and of some that follow."""
    last = today
    for _ in range(months):
        last = next_month(last)
    return ensure(today, last)


def ensure_around(days: Iterable[date]) -> int:
    """Make the partitions for instants on these days of UTC, whatever their local day is."""
    near = {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}
    return ensure_months({first_of_month(day) for day in near})


def ensure_months(months: Iterable[date]) -> int:
    """
    Make what is missing for these months and return how many partitions were made.

    Months known to this process cost nothing. Processes that find the same month missing make
    it one after the other.
    """
    unknown = sorted(set(months) - _known)
    if not unknown:
        return 0
    made = 0
    if missing := _missing(unknown):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            missing = _missing(unknown)
            for parent, month in missing:
                _make(parent, month)
            made = len(missing)
    # Only what is committed may be remembered.
    transaction.on_commit(lambda: _known.update(unknown))
    return made


def _missing(months: Iterable[date]) -> list[tuple[Partitioned, date]]:
    """Read the catalogue itself: `to_regclass` may remember what another process has changed."""
    wanted = {parent.partition(month): (parent, month) for month in months for parent in TABLES}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relispartition"
            " AND relnamespace = current_schema()::regnamespace",
            [list(wanted)],
        )
        found = {name for (name,) in cursor.fetchall()}
    return [wanted[name] for name in wanted if name not in found]


def _make(parent: Partitioned, month: date) -> None:
    """
    Build one partition and attach it.

    ``CREATE TABLE ... PARTITION OF`` would wait for everybody who writes to the parent, and
    everybody for it; attaching does not.
    """
    name = parent.partition(month)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (LIKE {parent.table} INCLUDING ALL)")
        cursor.execute(
            f"ALTER TABLE {parent.table} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{month}{parent.time}') TO ('{next_month(month)}{parent.time}')"
        )
