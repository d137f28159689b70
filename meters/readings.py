"""Recording readings: facts that are stored once, judged, and turned into consumption."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from meters import ingest
from meters.batches import RawReading, ReadingArrays, RegisterSeries
from meters.ingest import Recorded
from meters.manual import ManualEntry, ManualOutcome, record_manual
from meters.models.facts import Reading
from meters.registers import UnknownRegister

__all__ = [
    "ManualEntry",
    "ManualOutcome",
    "RawReading",
    "ReadingArrays",
    "Recorded",
    "RegisterSeries",
    "UnknownRegister",
    "record",
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
    """
    Record whole series of quarter-hourly readings, such as a history, in several transactions.

    Interrupted, it can be run again: what is recorded already counts as duplicate.
    """
    total = Recorded()
    waiting: list[RegisterSeries] = []
    for one in sorted(series, key=lambda one: (one.meter_id, one.channel)):
        if waiting and sum(len(other.values) for other in waiting) >= ROWS_AT_ONCE:
            total += record(
                ReadingArrays.of_series(waiting), source=source, received_at=received_at
            )
            waiting = []
        waiting.append(one)
    return total + record(ReadingArrays.of_series(waiting), source=source, received_at=received_at)
