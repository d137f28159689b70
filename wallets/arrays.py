"""Array literals for statements over thousands of rows."""

from collections.abc import Iterable


def array(values: Iterable[str]) -> str:
    """
    An array of numbers, dates or ids, which need no quotes, and `NULL`s.

    A tenth of the cost of handing over a list, which is escaped one by one.
    """
    return "{" + ",".join(values) + "}"
