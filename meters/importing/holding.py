"""A file between its preview and its import: kept for a while, for the person who sent it."""

import secrets
from uuid import UUID

from django.core.cache import cache

KEPT_FOR = 3600
"""Seconds in which a person decides."""


def hold(user_id: UUID, content: bytes) -> str:
    """Keep a file, and give the mark that it is asked for with."""
    mark = secrets.token_urlsafe(16)
    cache.set(_place(user_id, mark), content, KEPT_FOR)
    return mark


def held(user_id: UUID, mark: str) -> bytes | None:
    """What this person sent; None if it is no longer kept."""
    content: bytes | None = cache.get(_place(user_id, mark))
    return content


def _place(user_id: UUID, mark: str) -> str:
    # Whatever was sent as a mark: a key of the cache is short and has no spaces.
    sane = mark if mark.isascii() and mark.replace("-", "").replace("_", "").isalnum() else ""
    return f"reading-import:{user_id}:{sane[:32]}"
