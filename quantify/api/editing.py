"""
Reference data (estates, units, people, devices) is edited in one way: check, then save.

Facts are never written here: each has its operation in its app.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models, transaction


@transaction.atomic
def create[M: models.Model](model: type[M], fields: Mapping[str, Any]) -> M:
    """
    Store a new object.

    :raises django.core.exceptions.ValidationError: if a field or a constraint refuses it.
    """
    instance = model(**fields)
    instance.full_clean()
    instance.save(force_insert=True)
    return instance


@transaction.atomic
def change[M: models.Model](instance: M, fields: Mapping[str, Any]) -> M:
    """
    Store new values of an object's fields; what is the same as before is no change of it.

    :raises django.core.exceptions.ValidationError: if a field or a constraint refuses them.
    """
    before = _values(instance, fields)
    for field, value in fields.items():
        setattr(instance, field, value)
    instance.full_clean()
    if _values(instance, fields) != before:
        instance.save(update_fields=[*fields, "updated_at"])
    return instance


@transaction.atomic
def archive(instance: models.Model, *, at: datetime) -> None:
    """Take an object out of sight; what hangs on it stays."""
    instance.deleted_at = at  # type: ignore[attr-defined]
    instance.save(update_fields=["deleted_at", "updated_at"])


def _values(instance: models.Model, fields: Iterable[str]) -> list[Any]:
    """What fields hold, of related objects their keys."""
    columns = {one.name: one.attname for one in instance._meta.concrete_fields}
    return [getattr(instance, columns.get(field, field)) for field in fields]
