"""What shows, after a crash or a crowd, that money was lost, doubled or made up."""

from collections.abc import Iterable
from typing import Any, Protocol

from wallets.proving import verification


class Cursor(Protocol):
    """Of Django's connection or of psycopg's, within a database transaction."""

    def execute(self, statement: str, /) -> Any: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


def faults(cursor: Cursor, acknowledged: Iterable[str]) -> list[str]:
    """
    Every fault in words: payments that somebody was told of, by reference, and all the sums.

    What an acknowledged payment is held against was written down outside of the database.
    """
    cursor.execute("SELECT reference, count(*) FROM wallets_transaction WHERE reference <> ''"
        " AND kind = 'topup' GROUP BY reference")  # fmt: skip
    counts = dict(cursor.fetchall())
    found = [f"{reference} is lost" for reference in acknowledged if reference not in counts]
    found += [f"{one} is there {times} times" for one, times in counts.items() if times > 1]
    cursor.execute(verification.MOVED)
    for statement in verification.CHECKS.values():
        cursor.execute(statement)
        found += [words for (words,) in cursor.fetchall()]
    return found
