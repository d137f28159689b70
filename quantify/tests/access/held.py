"""Whether the database holds what it held. Looked at where something was written, only there."""

from collections import Counter
from collections.abc import Iterable

from django.apps import apps
from django.db import connection, models

from accounts.models import Session

WRITTEN = """
SELECT coalesce(pg_partition_root(oid), oid)::regclass::text, sum(
    pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
    + pg_stat_get_xact_tuples_deleted(oid))
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace GROUP BY 1
"""
"""
Rows that this transaction wrote to each table. What was taken back is counted too: a table whose
number stands still was not touched.
"""


class Held:
    """
    What every table held when this was made, in short, within one transaction.

    Reading the whole database after each request was most of what PostgreSQL did for the matrix.
    """

    def __init__(self) -> None:
        self._written = written()
        self._digests = _digests(sorted(model._meta.db_table for model in stored()))

    def changes(self) -> dict[str, str]:
        """The tables that hold something else now, and what, in short."""
        now = written()
        touched = [name for name in self._digests if now[name] != self._written[name]]
        changed = {
            name: digest
            for name, digest in _digests(touched).items()
            if digest != self._digests[name]
        }
        self._written |= {name: now[name] for name in touched if name not in changed}
        return changed


def stored() -> list[type[models.Model]]:
    """Tables that hold what people and meters did; not sessions and counts of failures."""
    aside = {"sessions", "axes", "contenttypes", "auth"}
    return [
        model
        for model in apps.get_models()
        if model._meta.managed and model._meta.app_label not in aside and model is not Session
    ]


def written() -> Counter[str]:
    """How many rows this transaction wrote to each table, and what was taken back of them."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN)
        return Counter(dict(cursor.fetchall()))


def _digests(names: Iterable[str]) -> dict[str, str]:
    """What tables hold, in short; not when a key was last used."""
    found = {}
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(
                "SELECT md5(coalesce(string_agg(told, ',' ORDER BY told), '')) FROM "  # noqa: S608
                f"(SELECT (to_jsonb(row) - 'last_used_at')::text AS told FROM \"{name}\" AS row)"
            )
            found[name] = str(cursor.fetchone()[0])
    return found
