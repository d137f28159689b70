"""The secrets that network servers post with: made, changed, recognised."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from estates.models import Estate
from meters.models.radio import NetworkServer

PREFIX = "qns"
OVERLAP = timedelta(hours=24)
"""For so long the former secret is taken beside a new one."""
_NOBODY = hashlib.sha256(b"nobody").hexdigest()
_PARTS = 3


class WrongSecret(Exception):
    """No network server posts with this secret."""


def register(*, estate: Estate, name: str) -> tuple[NetworkServer, str]:
    """Take a network server on; its secret is returned once and never again."""
    key_id = secrets.token_hex(8)
    secret = _new(key_id)
    server = NetworkServer.objects.create(
        estate=estate, name=name, key_id=key_id, secret_digest=_digest(secret)
    )
    return server, secret


@transaction.atomic
def rotate(*, server: NetworkServer, now: datetime, overlap: timedelta = OVERLAP) -> str:
    """Give a server a new secret; the former one is taken for the overlap."""
    locked = NetworkServer.objects.select_for_update().get(pk=server.pk)
    secret = _new(locked.key_id)
    locked.previous_digest, locked.previous_until = locked.secret_digest, now + overlap
    locked.secret_digest = _digest(secret)
    locked.save(update_fields=["secret_digest", "previous_digest", "previous_until", "updated_at"])
    return secret


def recognise(given: str, *, now: datetime) -> NetworkServer:
    """
    The server that posts with a secret. A wrong one costs the same time, whatever is wrong.

    :raises WrongSecret: if there is none, or it takes no events.
    """
    parts = given.split("_")
    key_id = parts[1] if len(parts) == _PARTS and parts[0] == PREFIX else ""
    server = NetworkServer.objects.alive().filter(key_id=key_id).first() if key_id else None
    digest = _digest(given)
    current = server.secret_digest if server else _NOBODY
    is_former = server is not None and server.previous_until is not None
    former = server.previous_digest if server and is_former else _NOBODY
    matches = hmac.compare_digest(digest, current), hmac.compare_digest(digest, former)
    if server is None or not server.is_enabled:
        raise WrongSecret
    still_taken = server.previous_until is not None and now < server.previous_until
    if matches[0] or (matches[1] and still_taken):
        return server
    raise WrongSecret


def _new(key_id: str) -> str:
    return f"{PREFIX}_{key_id}_{secrets.token_hex(32)}"


def _digest(secret: str) -> str:
    """A plain digest is enough: the secret is random and too long to be tried out."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
