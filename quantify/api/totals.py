"""
How many rows a long list has.

To count is to read every row, however few are shown: of a million that takes the database a quarter
of a second. The total of a list that long is remembered for some seconds; of any other it is
counted with each request.
"""

import hashlib
from contextlib import suppress

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from redis.exceptions import RedisError

MANY = 50_000
"""From so many rows on nobody misses the last few."""
SECONDS = 30


def of_long(rows: QuerySet) -> int:
    """The rows of a list that may be long; if they are many, as of up to half a minute ago."""
    try:
        name = _name(rows)
    except EmptyResultSet:
        return 0
    with suppress(RedisError):
        if (known := cache.get(name)) is not None:
            return int(known)
    total: int = rows.count()
    if total >= MANY:
        with suppress(RedisError):
            cache.set(name, total, SECONDS)
    return total


def _name(rows: QuerySet) -> str:
    """What is asked, and for whom: who may see other rows asks for others."""
    sql, params = rows.order_by().query.sql_with_params()
    return f"total:{hashlib.sha256(f'{sql}\n{params!r}'.encode()).hexdigest()}"
