"""
Guessing at API keys: counted per key that was tried and address, and per address in all.

A key has 256 random bits, so nobody finds one; this ends the noise of trying. Who has the right
key is not kept out for what others tried from the same address, and costs no counting.
"""

import hashlib

from axes.helpers import get_client_ip_address
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from accounts import keys

OF_AN_ADDRESS = 10
"""So many times the failures of one key are borne from an address, whatever keys it tries."""


def cool_off_seconds() -> int:
    return int(settings.AXES_COOLOFF_TIME * 3600)


def are_too_many(request: HttpRequest, text: str) -> bool:
    """Whether this key, or any key, was tried wrongly from the address too often."""
    limits = _limits(request, text)
    counted = cache.get_many(limits)
    return any(counted.get(name, 0) >= limit for name, limit in limits.items())


def count(request: HttpRequest, text: str) -> None:
    """One more wrong key."""
    for name in _limits(request, text):
        cache.add(name, 0, cool_off_seconds())
        cache.incr(name)


def _limits(request: HttpRequest, text: str) -> dict[str, int]:
    address = get_client_ip_address(request) or ""
    tried = hashlib.sha256(f"{keys.prefix_of(text)}\n{address}".encode()).hexdigest()
    return {
        f"wrong-key:{tried}": settings.AXES_FAILURE_LIMIT,
        f"wrong-keys:{address}": settings.AXES_FAILURE_LIMIT * OF_AN_ADDRESS,
    }
