"""
How often callers may ask, by kind of request, and what they are told of it.

Counted in Valkey by one script that runs alone there, with Valkey's clock, whatever number of
processes asks. While Valkey does not answer each process counts for itself: nobody is refused
for that, and nobody may guess passwords without end.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from quantify import user_names
from quantify.api import addresses
from quantify.api.permissions import permission_name

logger = logging.getLogger(__name__)

ADDRESS, READ, WRITE, MONEY, SIGN_IN = "address", "read", "write", "money", "sign-in"
SAFE = frozenset({"GET", "HEAD"})
MONEY_APPS = ("wallets.", "payments.")
REST = 5.0
"""Seconds without asking Valkey after it did not answer."""
MOST_KEPT = 10_000

# The generic cell rate algorithm: what is kept of a key is the instant at which its whole quota
# is free again. A request moves it by its share of the window, if it stays within the window.
# Either all keys are moved or none; what comes back is how far ahead each stands, in seconds.
SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local ahead, allowed = {}, 1
for i, key in ipairs(KEYS) do
    local quota, seconds = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    ahead[i] = math.max(tonumber(redis.call('GET', key) or now) - now, 0)
    if ahead[i] + seconds / quota > seconds + 0.001 then allowed = 0 end
end
for i, key in ipairs(KEYS) do
    local quota, seconds = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    if allowed == 1 then
        ahead[i] = ahead[i] + seconds / quota
        local kept = string.format('%.6f', now + ahead[i])
        redis.call('SET', key, kept, 'PX', math.ceil(ahead[i] * 1000) + 1000)
    end
    ahead[i] = string.format('%.6f', ahead[i])
end
return {allowed, unpack(ahead)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests of a kind in so many seconds."""

    name: str
    quota: int
    seconds: int

    @property
    def step(self) -> float:
        """The seconds that one request takes of the window."""
        return self.seconds / self.quota


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands against a limit; `ahead` is the seconds until all of it is free."""

    limit: Limit
    ahead: float

    @property
    def remaining(self) -> int:
        return max(0, int((self.limit.seconds - self.ahead) / self.limit.step + 0.001))

    @property
    def reset(self) -> int:
        return ceil(self.ahead)

    @property
    def wait(self) -> int:
        """Whole seconds until a request is let in; nothing if one would be now."""
        lacking = self.ahead + self.limit.step - self.limit.seconds
        return ceil(lacking - 0.001) if lacking > 0.001 else 0  # noqa: PLR2004


class TooMany(Exception):
    """A limit is used up; `wait` is the whole seconds until the next request is let in."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        worst = max(standings, key=lambda one: one.wait)
        self.kind, self.wait = worst.limit.name, max(1, worst.wait)
        super().__init__(self.kind)


def limit(name: str) -> Limit:
    """The limit of a kind of request, as `THROTTLES` has it: `"600/60"`."""
    quota, _, seconds = settings.THROTTLES[name].partition("/")
    return Limit(name, int(quota), int(seconds))


def spend(request: HttpRequest, kind: str, *callers: str) -> None:
    """
    Count a request of a kind for each of the callers, or for none if one is over the limit.

    :raises TooMany: if one is.
    """
    asked = limit(kind)
    counted = [f"throttle:{kind}:{caller}" for caller in callers]
    allowed, ahead = _counted(counted, asked)
    standings = [Standing(asked, one) for one in ahead]
    tightest = min(standings, key=lambda one: one.remaining)
    _told(request)[kind] = tightest
    if not allowed:
        logger.warning(
            "throttled", extra={"event": "throttled", "kind": kind, "wait": tightest.wait}
        )
        raise TooMany(standings)


def spend_sign_in(request: HttpRequest, username: str) -> None:
    """
    Count an attempt to sign in, for its address and for the name, before a password is hashed.

    :raises TooMany: if either tried too often.
    """
    address = addresses.counted_as(request)
    name = user_names.folded(username)[: user_names.LONGEST]
    spend(request, SIGN_IN, f"address:{address}", f"name:{name}")


def headers(request: HttpRequest) -> dict[str, str]:
    """
    `RateLimit-Policy` and `RateLimit` for what was counted of a request.

    As draft-ietf-httpapi-ratelimit-headers-11 has them: quota and window, remaining and reset.
    """
    told = _told(request).values()
    if not told:
        return {}
    policies = [f'"{one.limit.name}";q={one.limit.quota};w={one.limit.seconds}' for one in told]
    states = [f'"{one.limit.name}";r={one.remaining};t={one.reset}' for one in told]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}


class PersonThrottle(BaseThrottle):
    """Counts what one person, or one key of theirs, asks of the API, by kind."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated:
            key = getattr(request.auth, "pk", "")
            spend(request._request, kind_of(request.method or "", view), f"{request.user.pk}:{key}")
        return True


def kind_of(method: str, view: Any) -> str:
    """Reading, writing, or moving money, which are the writes of the rooms that hold money."""
    if method in SAFE:
        return READ
    return MONEY if (permission_name(view, method) or "").startswith(MONEY_APPS) else WRITE


def _told(request: HttpRequest) -> dict[str, Standing]:
    told: dict[str, Standing] = request.__dict__.setdefault("_rate_limits", {})
    return told


# --- Counting -----------------------------------------------------------------------------------


def _counted(keys: Sequence[str], asked: Limit) -> tuple[bool, list[float]]:
    if time.monotonic() >= _fallback.until:
        try:
            return _counted_in_valkey(keys, asked)
        except redis.RedisError:
            _fallback.until = time.monotonic() + REST
            logger.warning("Valkey does not answer: each process counts requests for itself.")
    return _fallback.counted(keys, asked)


def _counted_in_valkey(keys: Sequence[str], asked: Limit) -> tuple[bool, list[float]]:
    script = _script(settings.REDIS_URL)
    allowed, *ahead = script(keys=keys, args=[asked.quota, asked.seconds] * len(keys))
    return bool(allowed), [float(one) for one in ahead]


@cache
def _script(url: str) -> Any:
    patience = settings.VALKEY_PATIENCE
    client = redis.Redis.from_url(url, socket_timeout=patience, socket_connect_timeout=patience)
    return client.register_script(SCRIPT)


class _Fallback:
    """The same counting in the memory of this process, while Valkey does not answer."""

    def __init__(self) -> None:
        self.until = 0.0
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}

    def counted(self, keys: Sequence[str], asked: Limit) -> tuple[bool, list[float]]:
        with self._lock:
            now = time.monotonic()
            self._make_room(now)
            ahead = [max(self._free_at.get(key, now) - now, 0.0) for key in keys]
            allowed = all(one + asked.step <= asked.seconds + 0.001 for one in ahead)
            if allowed:
                ahead = [one + asked.step for one in ahead]
                self._free_at.update({key: now + one for key, one in zip(keys, ahead, strict=True)})
            return allowed, ahead

    def _make_room(self, now: float) -> None:
        if len(self._free_at) > MOST_KEPT:
            self._free_at = {key: free for key, free in self._free_at.items() if free > now}


_fallback = _Fallback()
