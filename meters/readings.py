"""Recording readings: facts that are stored once, judged, and turned into consumption."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from meters import ingest
from meters.batches import RawReading, ReadingArrays, RegisterSeries
from meters.ingest import Recorded
from meters.manual import ManualEntry, ManualOutcome, record_manual
from meters.models.facts import Reading
from meters.registers import UnknownRegister
from quantify import lanes

__all__ = [
    "ManualEntry",
    "ManualOutcome",
    "RawReading",
    "ReadingArrays",
    "Recorded",
    "RegisterSeries",
    "UnknownRegister",
    "record",
    "record_all",
    "record_manual",
    "record_series",
]

# Enough rows to make the statements' fixed cost vanish, few enough to hold locks for a few seconds.
ROWS_AT_ONCE = 250_000


def record(
    rows: Iterable[RawReading] | ReadingArrays,
    *,
    source: Reading.Source = Reading.Source.AUTOMATIC,
    received_at: datetime,
) -> Recorded:
    """
    Record readings of any meters, in any order, in one transaction.

    A reading that is known already is left alone; another value for its instant is kept as a
    conflict. Recording the same again changes nothing.

    :raises UnknownRegister: if a meter has no such register; nothing is recorded then.
    """
    batch = rows if isinstance(rows, ReadingArrays) else ReadingArrays.of_rows(rows)
    return ingest.take_in(batch, source=source, received_at=received_at)


def record_series(
    series: Sequence[RegisterSeries],
    *,
    source: Reading.Source = Reading.Source.AUTOMATIC,
    received_at: datetime,
) -> Recorded:
    """Record whole series of quarter-hourly readings, such as a history; see `record_all`."""
    return record_all(ReadingArrays.of_series(series), source=source, received_at=received_at)


def record_all(
    arrays: ReadingArrays,
    *,
    source: Reading.Source = Reading.Source.AUTOMATIC,
    received_at: datetime,
) -> Recorded:
    """
    Record any number of readings, in a transaction for every few meters, two at a time.

    Interrupted, it can be run again: what is recorded already counts as duplicate.

    :raises UnknownRegister: if a meter has no such register; of others some may be recorded.
    """
    # Apart and first: a lane that makes partitions keeps the others from it until it commits.
    ingest.make_room(arrays, received_at=received_at)
    told = lanes.work_off(
        arrays.by_meters(ROWS_AT_ONCE),
        lambda batch: ingest.take_in(batch, source=source, received_at=received_at),
    )
    return sum(told, Recorded())
