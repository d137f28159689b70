"""
API keys: made, changed, rotated with an overlap, revoked; `accounts.callers` finds them.

A key is 256 random bits behind a readable prefix; SHA-256 without a salt is enough for what
cannot be guessed, and finds the row by one indexed comparison.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import scopes, security_events
from accounts.models import ApiKey, User

MARK = "qk_live_"
SHOWN = len(MARK) + 6
"""So many of its characters are stored to tell a key from others."""
LONGEST_OVERLAP = timedelta(days=30)


class Rotated(Exception):
    """The key was rotated before; its successor is the one to rotate."""


class Expired(Exception):
    """The key is over and has nothing to hand on."""


class Made(NamedTuple):
    """A key with the text that is shown this once."""

    key: ApiKey
    text: str


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def prefix_of(text: str) -> str:
    return text[:SHOWN]


@transaction.atomic
def make(
    *,
    user: User,
    name: str,
    scopes: Iterable[str],
    estates: Sequence[UUID] | None,
    expires_at: datetime | None,
    at: datetime,
) -> Made:
    """
    Make a key that acts for a person within scopes and estates (None: all of the person's).

    :raises ValidationError: if a scope is unknown or the key would be over before it begins.
    """
    text = MARK + secrets.token_urlsafe(32)
    key = ApiKey(
        user=user,
        name=name,
        prefix=prefix_of(text),
        digest=digest_of(text),
        scopes=_checked(scopes),
        estates=estates,
        expires_at=_later(expires_at, at),
    )
    key.full_clean()
    key.save(force_insert=True)
    security_events.key_made(key)
    return Made(key, text)


@transaction.atomic
def change(*, key: ApiKey, at: datetime, **fields: Any) -> ApiKey:
    """
    Change a key's name, scopes, estates or end; whose it is stands.

    :raises ValidationError: if a value is refused.
    """
    held = ApiKey.objects.select_for_update().get(pk=key.pk)
    if "scopes" in fields:
        fields["scopes"] = _checked(fields["scopes"])
    if fields.get("expires_at") != held.expires_at:
        _later(fields.get("expires_at"), at)
    for name, value in fields.items():
        setattr(held, name, value)
    held.full_clean()
    held.save(update_fields=[*fields, "updated_at"])
    security_events.key_changed(held)
    return held


@transaction.atomic
def rotate(*, key: ApiKey, overlap: timedelta, at: datetime) -> Made:
    """
    Make the key that takes another one's place; the old one still works for the overlap.

    :raises Rotated: if that was done before.
    :raises Expired: if the key is over or revoked.
    """
    held = ApiKey.objects.select_for_update(of=("self",)).select_related("user").get(pk=key.pk)
    if held.replaced_by_id is not None:
        raise Rotated("This key was rotated before: rotate the one that took its place.")
    if held.deleted_at is not None or (held.expires_at is not None and held.expires_at <= at):
        raise Expired("This key is over: make a new one.")
    made = make(
        user=held.user,
        name=held.name,
        scopes=held.scopes,
        estates=held.estates,
        expires_at=held.expires_at,
        at=at,
    )
    ends = at + min(overlap, LONGEST_OVERLAP)
    held.replaced_by = made.key
    held.expires_at = min(held.expires_at, ends) if held.expires_at else ends
    held.save(update_fields=["replaced_by", "expires_at", "updated_at"])
    security_events.key_rotated(held, successor=made.key)
    return made


@transaction.atomic
def revoke(*, key: ApiKey, at: datetime) -> None:
    """End a key at once."""
    living = ApiKey.objects.filter(pk=key.pk, deleted_at=None)
    if living.update(deleted_at=at, updated_at=at):
        security_events.key_revoked(key)


def _checked(named: Iterable[str]) -> list[str]:
    chosen = sorted(set(named))
    unknown = [name for name in chosen if not scopes.is_known(name)]
    if unknown:
        raise ValidationError(
            {
                "scopes": [
                    ValidationError(f"{name}: no key can have this scope.", code="unknown")
                    for name in unknown
                ]
            }
        )
    return chosen


def _later(ends: datetime | None, at: datetime) -> datetime | None:
    if ends is not None and ends <= at:
        raise ValidationError(
            {"expires_at": ValidationError("Give an instant to come.", code="min_value")}
        )
    return ends
