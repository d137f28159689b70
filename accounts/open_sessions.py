"""
The sessions in which a person is signed in, and the end of one of them.

They are named by a digest: the key of a session is a credential, and belongs into no page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts import browsers, security_events
from accounts.models import Session, User
from accounts.sessions import BEGAN, BROWSER, lacks_code
from quantify.api import authentication


@dataclass(frozen=True)
class OpenSession:
    name: str
    began_at: datetime
    used_at: datetime
    browser: str
    waits_for_code: bool


def of(user: User, *, at: datetime) -> list[OpenSession]:
    """Those that a request could still go on with, the last used first."""
    return [
        OpenSession(
            name=name_of(row.session_key),
            began_at=_began(row, data),
            used_at=row.used_at,
            browser=data.get(BROWSER, browsers.UNKNOWN),
            waits_for_code=lacks_code(data, user),
        )
        for row, data in _standing(user, at)
    ]


@transaction.atomic
def end(*, user: User, name: str) -> None:
    """End one session of a person; nothing happens if it ended meanwhile."""
    for row in user.sessions.all():
        if name_of(row.session_key) == name:
            row.delete()
            authentication.forget(user)
            security_events.session_ended(user)


def name_of(session_key: str) -> str:
    """What a session is called in pages."""
    return salted_hmac("accounts.open_sessions", session_key, algorithm="sha256").hexdigest()


def _standing(user: User, at: datetime) -> Iterator[tuple[Session, Mapping[str, Any]]]:
    """Sessions that neither time nor a change of what they were made with has ended."""
    made_with = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    for row in user.sessions.filter(expire_date__gt=at).order_by("-used_at"):
        data = row.get_decoded()
        age = (at - _began(row, data)).total_seconds()
        if data.get(HASH_SESSION_KEY) in made_with and age < settings.SESSION_ABSOLUTE_SECONDS:
            yield row, data


def _began(row: Session, data: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(data[BEGAN], UTC) if BEGAN in data else row.used_at
