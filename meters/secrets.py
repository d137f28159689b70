"""
Secrets at rest: encrypted with a key that is not in the database.

`METER_KEYS_SECRETS` lists Fernet keys; the first encrypts, all decrypt, so that a new one is put
in front, `manage.py meter_keys reencrypt` is run, and the old one is taken away.
"""

import json
from collections.abc import Mapping
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

OWNER = "meter"
"""As it is written in what was sealed so far, of meters alone at first."""


class NoSecret(Exception):
    """Keys cannot be encrypted or decrypted: the setting is missing or wrong."""


def seal(owner: UUID, secrets: Mapping[str, str]) -> str:
    """
    The secrets of a meter or a network server as they are stored; only good for their owner.

    :raises NoSecret: if there is nothing to encrypt with.
    """
    text = json.dumps({OWNER: str(owner), **secrets})
    return _box().encrypt(text.encode()).decode()


def open_sealed(owner: UUID, sealed: str) -> dict[str, str]:
    """:raises NoSecret: if none of the keys opens it, or they are another's."""
    try:
        secrets: dict[str, str] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken:
        raise NoSecret("No key of METER_KEYS_SECRETS opens these keys.") from None
    if secrets.pop(OWNER) != str(owner):
        raise NoSecret("These keys belong to something else.")
    return secrets


def reseal(sealed: str) -> str:
    """The same secrets under the first key. :raises NoSecret: if none of the keys opens them."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise NoSecret("No key of METER_KEYS_SECRETS opens these keys.") from None


def _box() -> MultiFernet:
    if not settings.METER_KEYS_SECRETS:
        raise NoSecret(
            "Set METER_KEYS_SECRETS. Make a key with: python -c "
            '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        )
    try:
        return MultiFernet([Fernet(key) for key in settings.METER_KEYS_SECRETS])
    except ValueError:
        raise NoSecret("METER_KEYS_SECRETS must be Fernet keys, with commas between.") from None
