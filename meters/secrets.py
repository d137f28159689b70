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


class NoSecret(Exception):
    """Keys of meters cannot be encrypted or decrypted: the setting is missing or wrong."""


def seal(meter_id: UUID, secrets: Mapping[str, str]) -> str:
    """
    The secrets of a meter as they are stored; only good for that meter.

    :raises NoSecret: if there is nothing to encrypt with.
    """
    text = json.dumps({"meter": str(meter_id), **secrets})
    return _box().encrypt(text.encode()).decode()


def open_sealed(meter_id: UUID, sealed: str) -> dict[str, str]:
    """:raises NoSecret: if none of the keys opens it, or it is another meter's."""
    try:
        secrets: dict[str, str] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken:
        raise NoSecret("No key of METER_KEYS_SECRETS opens the meter's keys.") from None
    if secrets.pop("meter") != str(meter_id):
        raise NoSecret("These are the keys of another meter.")
    return secrets


def reseal(sealed: str) -> str:
    """The same secrets under the first key. :raises NoSecret: if none of the keys opens them."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise NoSecret("No key of METER_KEYS_SECRETS opens the meter's keys.") from None


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
