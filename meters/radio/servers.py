"""
The secrets of network servers: with which they post, and with which orders are given to them.

The first is made here and recognised by a digest. The second, an API key, is ChirpStack's: it is
kept encrypted, and never shown.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction

from estates.models import Estate
from meters.lorawan.downlinks import Network
from meters.models.radio import NetworkServer
from quantify import sealing

PREFIX = "qns"
OVERLAP = timedelta(hours=24)
"""For so long the former secret is taken beside a new one."""
_NOBODY = hashlib.sha256(b"nobody").hexdigest()
_PARTS = 3


LONGEST_KEY = 500


class WrongSecret(Exception):
    """No network server posts with this secret."""


class BadAccess(ValueError):
    """An address or an API key that cannot be one; the text says why, and never repeats the key."""


class NoAccess(Exception):
    """Nothing can be ordered through a network server; the text says why."""


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


@transaction.atomic
def give_access(*, server: NetworkServer, address: str, api_key: str = "") -> None:
    """
    Store where orders go, and the API key that they are given with; without one the former stays.

    An address that is taken away takes the key with it.

    :raises BadAccess: if the address is none, or nothing can be a key of it.
    :raises quantify.sealing.NoSecret: if the key cannot be encrypted.
    """
    locked = NetworkServer.objects.select_for_update().get(pk=server.pk)
    check_access(address=address, api_key=api_key, before=locked.api_address)
    if not address:
        locked.api_sealed = ""
    elif api_key:
        locked.api_sealed = sealing.seal(locked.pk, {"api_key": api_key})
    locked.api_address = address
    locked.save(update_fields=["api_address", "api_sealed", "updated_at"])
    server.api_address, server.api_sealed = locked.api_address, locked.api_sealed


def check_access(*, address: str, api_key: str, before: str = "") -> None:
    """
    :raises BadAccess: unless these may be address and API key of a server that had another before.
    """
    try:
        place = urlsplit(address)
        is_place = bool(place.hostname) and place.port != 0 and not (place.query or place.path)
    except ValueError:
        is_place = False
    if address and not (is_place and place.scheme in {"http", "https"} and not place.username):
        raise BadAccess("Write the address as https://chirpstack.example:8080.")
    if api_key and not address:
        raise BadAccess("Give the address that the API key is for.")
    if before and address not in {"", before} and not api_key:
        # Whoever moves the address must not be sent the key of the former one.
        raise BadAccess("Give the API key for the new address too.")
    if not (api_key.isascii() and api_key.isprintable()) or len(api_key) > LONGEST_KEY:
        raise BadAccess("An API key is one line of plain letters.")


def network(server: NetworkServer) -> Network:
    """
    The network server as orders are given to it.

    :raises NoAccess: if it has no address or no API key, or is switched off.
    :raises quantify.sealing.NoSecret: if the key cannot be decrypted.
    """
    if not server.is_enabled:
        raise NoAccess("The network server is switched off.")
    if not server.api_address or not server.api_sealed:
        raise NoAccess("The network server has no API key for orders.")
    told = sealing.open_sealed(server.pk, server.api_sealed)
    return Network(server.api_address, told["api_key"])


def _new(key_id: str) -> str:
    return f"{PREFIX}_{key_id}_{secrets.token_hex(32)}"


def _digest(secret: str) -> str:
    """A plain digest is enough: the secret is random and too long to be tried out."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
