"""Whom an API key acts for, asked with each of its requests."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Model, Q

from accounts import keys
from accounts.models import ApiKey, Role, User
from quantify import columns

USED_EVERY = timedelta(minutes=1)
"""The use of a key is not noted more often than this."""
FOUND = (ApiKey, User, Role)


def find(text: str, *, at: datetime) -> User | None:
    """The person a key acts for, bound by it; None if the key is unknown, over or nobody's."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [keys.digest_of(text)])
        row = cursor.fetchone()
    if row is None:
        return None
    key, user, role = _objects(row)
    if key.expires_at is not None and key.expires_at <= at:
        return None
    if key.last_used_at is None or at - key.last_used_at >= USED_EVERY:
        _note_use(key, at)
    user.role, user.api_key, key.user = role, key, user
    return user


def _note_use(key: ApiKey, at: datetime) -> None:
    """Only where no other request did: many at once write it once."""
    stale = Q(last_used_at=None) | Q(last_used_at__lte=at - USED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=at)


@cache
def _statement() -> str:
    key, user, role = (model._meta.db_table for model in FOUND)
    return f"""
SELECT {", ".join(map(columns.written, FOUND))} FROM {key}
JOIN {user} ON {user}.id = {key}.user_id
JOIN {role} ON {role}.id = {user}.role_id
WHERE {key}.digest = %s AND {key}.deleted_at IS NULL AND {user}.is_active
"""  # noqa: S608 - names of the models' own


def _objects(row: Sequence[Any]) -> tuple[ApiKey, User, Role]:
    values = iter(row)
    key, user, role = (_made(model, values) for model in FOUND)
    return key, user, role


def _made(model: type[Model], values: Iterator[Any]) -> Any:
    names = _names(model)
    return model.from_db(connection.alias, names, list(islice(values, len(names))))


@cache
def _names(model: type[Model]) -> list[str]:
    return columns.attributes(model)
