"""
Guessing at the secrets of programs: counted by address, and each wrong one is noted.

Such a secret is random and long, so that nobody finds one; this ends the noise of trying. While
Valkey, which counts, is away, wrong ones are refused and noted as ever.
"""

from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from quantify.api import addresses, logs

type Limits = Mapping[str, int]
"""Under what a wrong secret is counted, and how many of each are borne."""


def cool_off_seconds() -> int:
    """For how long passwords, and with them secrets, are locked out."""
    return int(settings.AXES_COOLOFF_TIME * 3600)


def are_too_many(limits: Limits) -> bool:
    """Whether one of the counts is full."""
    counted: Mapping[str, int] = {}
    with suppress(RedisError):
        counted = cache.get_many(limits)
    return any(counted.get(name, 0) >= limit for name, limit in limits.items())


def note(request: HttpRequest, way: str, limits: Limits, *, seconds: int) -> bool:
    """
    Count one more wrong secret and note it; whether there were too many before.

    Those past the limit are not counted, so that the seconds end for who goes on.
    """
    told = {"way": way, "address": addresses.of(request)}
    if are_too_many(limits):
        logs.event("locked_out", request, **told)
        return True
    for name in limits:
        # Where it expires in between, the next one begins anew.
        with suppress(RedisError, ValueError):
            cache.add(name, 0, seconds)
            cache.incr(name)
    logs.event("sign_in_failed", request, **told)
    return False
