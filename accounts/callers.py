"""
Whom a request to the API acts for, by key or by user name: asked with each of them.

With their role in one statement, which is written once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Model, Q

from accounts import keys
from accounts.models import ApiKey, Role, User
from quantify import columns, user_names

USED_EVERY = timedelta(minutes=1)
"""The use of a key is not noted more often than this."""


def by_key(text: str, *, at: datetime) -> User | None:
    """The person a key acts for, bound by it; None if the key is unknown, over or nobody's."""
    row = _row(_by_key(), keys.digest_of(text))
    if row is None:
        return None
    key: ApiKey
    user: User
    key, user, role = _objects(row, ApiKey, User, Role)
    if key.expires_at is not None and key.expires_at <= at:
        return None
    if key.last_used_at is None or at - key.last_used_at >= USED_EVERY:
        _note_use(key, at)
    user.role, user.api_key, key.user = role, key, user
    return user


def by_name(name: str) -> User | None:
    """The person of a user name in any spelling, active or not; None if there is none."""
    row = _row(_by_name(), name)
    if row is None:
        return None
    user: User
    user, role = _objects(row, User, Role)
    if user_names.folded(user.username) != user_names.folded(name):
        # Another name to what counts failures: it would be a way around the lockout.
        return None
    user.role = role
    return user


def _note_use(key: ApiKey, at: datetime) -> None:
    """Only where no other request did: many at once write it once."""
    stale = Q(last_used_at=None) | Q(last_used_at__lte=at - USED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)


@cache
def _by_key() -> str:
    key, user, role = (model._meta.db_table for model in (ApiKey, User, Role))
    return f"""
SELECT {", ".join(map(columns.written, (ApiKey, User, Role)))} FROM {key}
JOIN {user} ON {user}.id = {key}.user_id
JOIN {role} ON {role}.id = {user}.role_id
WHERE {key}.digest = %s AND {key}.deleted_at IS NULL AND {user}.is_active
"""  # noqa: S608 - names of the models' own


@cache
def _by_name() -> str:
    user, role = (model._meta.db_table for model in (User, Role))
    return f"""
SELECT {", ".join(map(columns.written, (User, Role)))} FROM {user}
JOIN {role} ON {role}.id = {user}.role_id
WHERE lower({user}.username) = lower(%s)
"""  # noqa: S608 - names of the models' own


def _row(statement: str, value: str) -> Sequence[Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [value])
        row: Sequence[Any] | None = cursor.fetchone()
    return row


def _objects(row: Sequence[Any], *models: type[Model]) -> Iterator[Any]:
    values = iter(row)
    for model in models:
        names = _names(model)
        yield model.from_db(connection.alias, names, list(islice(values, len(names))))


@cache
def _names(model: type[Model]) -> list[str]:
    return columns.attributes(model)
