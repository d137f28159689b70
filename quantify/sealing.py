"""
Secrets at rest: encrypted with a key that is not in the database.

`SEALING_SECRETS` lists Fernet keys; the first encrypts, all decrypt, so that a new one is put
in front, `manage.py reseal` is run, and the old one is taken away.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models, transaction

OWNER = "meter"
"""As it is written in what was sealed so far, of meters alone at first."""


class NoSecret(Exception):
    """Nothing can be encrypted or decrypted: the setting is missing or wrong."""


class SealedField(models.TextField):
    """What `seal` made; empty where there is nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"editable": False, **options})


def seal(owner: UUID, secrets: Mapping[str, str]) -> str:
    """
    The secrets of a device, a network server or a person as stored; only good for their owner.

    :raises NoSecret: if there is nothing to encrypt with.
    """
    text = json.dumps({OWNER: str(owner), **secrets})
    return _box().encrypt(text.encode()).decode()


def open_sealed(owner: UUID, sealed: str) -> dict[str, str]:
    """:raises NoSecret: if none of the keys opens it, or it is another's."""
    try:
        secrets: dict[str, str] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken:
        raise NoSecret("No key of SEALING_SECRETS opens this.") from None
    if secrets.pop(OWNER) != str(owner):
        raise NoSecret("This was sealed for something else.")
    return secrets


@transaction.atomic
def reseal() -> dict[str, int]:
    """
    Encrypt everything that is sealed anew with the first key; how many rows of which model.

    :raises NoSecret: if one cannot be decrypted; then none is changed.
    """
    return {
        str(field.model._meta.verbose_name): _reseal_column(field.model, field.name)
        for field in _sealed_fields()
    }


def _sealed_fields() -> Iterator[models.Field]:
    for model in apps.get_models():
        yield from (one for one in model._meta.local_fields if isinstance(one, SealedField))


def _reseal_column(model: type[models.Model], column: str) -> int:
    rows = model._base_manager.select_for_update(no_key=True).exclude(**{column: ""})
    held = list(rows.only("pk", column).order_by("pk"))
    for row in held:
        try:
            setattr(row, column, _box().rotate(getattr(row, column).encode()).decode())
        except InvalidToken:
            raise NoSecret(f"No key of SEALING_SECRETS opens that of {row.pk}.") from None
    return model._base_manager.bulk_update(held, [column], batch_size=500)


def _box() -> MultiFernet:
    if not settings.SEALING_SECRETS:
        raise NoSecret(
            "Set SEALING_SECRETS. Make a key with: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        )
    try:
        return MultiFernet([Fernet(key) for key in settings.SEALING_SECRETS])
    except ValueError:
        raise NoSecret("SEALING_SECRETS must be Fernet keys, with commas between.") from None
