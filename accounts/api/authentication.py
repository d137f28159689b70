"""
Signing in to the API: by key, or by user name and password as HTTP Basic.

A key comes as `Authorization: Bearer <key>` or as a Basic user name with an empty password.
"""

import base64
import binascii
import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import callers, keys
from accounts.models import ApiKey, User
from quantify.api import addresses, guesses, logs, problems
from quantify.api.authentication import RememberedBasicAuthentication
from quantify.api.problems import Problem

OF_AN_ADDRESS = 10
"""So many times the failures of one key are borne from an address, whatever keys it tries."""
WRONG_KEY = "The API key is unknown, revoked or over."
NEEDS_KEY = "This account signs in with a code besides the password: use an API key here."


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the key by its digest with one statement; `request.auth` is the key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        text = _key_in(request.headers.get("Authorization", ""))
        if text is None:
            return None
        user = callers.by_key(text, at=timezone.now())
        if user is None or user.api_key is None:
            raise _refusal(request, text)
        return user, user.api_key

    def authenticate_header(self, request: Request) -> str:
        # The first way to sign in names the challenge of a 401 for all of them.
        return f'Basic realm="{settings.BASIC_AUTH_REALM}"'


def _refusal(request: Request, text: str) -> Exception:
    """
    A wrong key is counted; who guesses on hears of the lockout instead.

    Who has the right key is not kept out for what others tried, and costs no counting.
    """
    address = addresses.counted_as(request._request)
    tried = hashlib.sha256(f"{keys.prefix_of(text)}\n{address}".encode()).hexdigest()
    limits = {
        f"wrong-key:{tried}": settings.AXES_FAILURE_LIMIT,
        f"wrong-keys:{address}": settings.AXES_FAILURE_LIMIT * OF_AN_ADDRESS,
    }
    seconds = guesses.cool_off_seconds()
    if guesses.note(request._request, "key", limits, seconds=seconds):
        return Problem(problems.LOCKED_OUT, headers={"Retry-After": str(seconds)})
    return AuthenticationFailed(WRONG_KEY)


def _key_in(header: str) -> str | None:
    """The API key that a header carries in either way; None if it is something else."""
    way, _, given = header.strip().partition(" ")
    given = given.strip()
    if way.lower() == "bearer":
        return given
    if way.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name if name.startswith(keys.MARK) and not password else None


class PasswordAuthentication(RememberedBasicAuthentication):
    """
    HTTP Basic for whom a password alone is enough.

    Whoever signs in with a code, or has to, must not get around it with Basic.
    """

    def find(self, name: str) -> User | None:
        return callers.by_name(name)

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[Any, None]:
        user, nothing = super().authenticate_credentials(userid, password, request)
        assert isinstance(user, User)  # noqa: S101 - AUTH_USER_MODEL
        if _needs_code(user) and not settings.BASIC_AUTH_WITHOUT_CODE:
            if request is not None:
                _note_refusal(request._request, user)
            raise AuthenticationFailed(NEEDS_KEY)
        return user, nothing


def _note_refusal(request: HttpRequest, user: User) -> None:
    """Somebody knows the password of a person who signs in with a code."""
    address = addresses.of(request)
    logs.event("code_missing", request, way="basic", person=str(user.pk), address=address)


def _needs_code(user: User) -> bool:
    return user.second_factor_at is not None or (settings.REQUIRE_TOTP and user.is_staff)


class PasswordScheme(OpenApiAuthenticationExtension):
    target_class = PasswordAuthentication
    name = "basic"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key; also accepted as Basic user name with an empty password.",
        }
