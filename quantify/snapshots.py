"""One state of the database for all that is asked, whoever writes meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

ISOLATED = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@contextmanager
def snapshot(*, read_only: bool = True) -> Iterator[None]:
    """
    Read everything within it from one snapshot; nobody is held up.

    Inside a caller's database transaction it sees what that sees, which may change between two
    statements unless the caller took a snapshot.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute(f"{ISOLATED}, READ ONLY" if read_only else ISOLATED)
        yield
