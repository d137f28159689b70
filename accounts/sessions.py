"""
What a portal session still needs: a code after the password, a beginning, and an end.

A session that waits for its code reaches the page of the code and nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts import browsers
from accounts.models import User

BEGAN, BROWSER, CODE_GIVEN = "began_at", "browser", "code_given"


class PortalSessionMiddleware(SessionMiddleware):
    """Django's, but that the API keeps no session alive, nor makes one of whatever cookie comes."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if _is_of_api(request):
            return response
        return super().process_response(request, response)


class SignInMiddleware:
    """Stands after authentication and before every page; the API takes no sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _is_of_api(request):
            return self.get_response(request)
        page = ""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            page = _in_the_way(request, request.user)
        answer = HttpResponseRedirect(page) if page else self.get_response(request)
        _begin(request)
        return answer


def give_code(request: HttpRequest, user: User) -> None:
    """Note that the code was right; the session gets another id with the right it gets."""
    request.session.cycle_key()
    request.session[CODE_GIVEN] = _mark(user)


def needs_code(request: HttpRequest, user: User) -> bool:
    """Whether this session waits for a code."""
    return lacks_code(request.session, user)


def lacks_code(session: Mapping[str, Any], user: User) -> bool:
    """Whether a session, or what is stored of one, waits for a code."""
    return user.second_factor_at is not None and session.get(CODE_GIVEN) != _mark(user)


def _begin(request: HttpRequest) -> None:
    """Note in a session that somebody signed in to when that was, and from what browser."""
    session = request.session
    if SESSION_KEY in session and BEGAN not in session:
        session[BEGAN] = timezone.now().timestamp()
        session[BROWSER] = browsers.kind_of(request.headers.get("User-Agent", ""))


def _mark(user: User) -> str:
    return user.second_factor_at.isoformat() if user.second_factor_at else ""


def _is_of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _in_the_way(request: HttpRequest, user: User) -> str:
    """The page to go to before any other; empty if there is none."""
    now = timezone.now().timestamp()
    if now - request.session.get(BEGAN, now) >= settings.SESSION_ABSOLUTE_SECONDS:
        logout(request)
        return ""
    if needs_code(request, user):
        return _page(request, "enter-code")
    if settings.REQUIRE_TOTP and user.is_staff and user.second_factor_at is None:
        return _page(request, "enrol")
    return ""


def _page(request: HttpRequest, name: str) -> str:
    page = reverse(name)
    if request.path in (page, reverse("admin:logout")):
        return ""
    return f"{page}?{urlencode({'next': request.get_full_path()})}"
