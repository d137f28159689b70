"""
What a portal session still needs: a code after the password, and an end.

A session that waits for its code reaches the page of the code and nothing else.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts.models import User

BEGAN, CODE_GIVEN = "began_at", "code_given"


class SignInMiddleware:
    """Stands after authentication and before every page; the API takes no sessions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not _is_of_api(request):
            user = request.user
            if isinstance(user, User) and (page := _in_the_way(request, user)):
                return HttpResponseRedirect(page)
        return self.get_response(request)


def give_code(request: HttpRequest, user: User) -> None:
    """Note that the code was right; the session gets another id with the right it gets."""
    request.session.cycle_key()
    request.session[CODE_GIVEN] = _mark(user)


def needs_code(request: HttpRequest, user: User) -> bool:
    """Whether this session waits for a code."""
    return user.second_factor_at is not None and request.session.get(CODE_GIVEN) != _mark(user)


def _mark(user: User) -> str:
    return user.second_factor_at.isoformat() if user.second_factor_at else ""


def _is_of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _in_the_way(request: HttpRequest, user: User) -> str:
    """The page to go to before any other; empty if there is none."""
    now = timezone.now().timestamp()
    began: float = request.session.setdefault(BEGAN, now)
    if now - began >= settings.SESSION_ABSOLUTE_SECONDS:
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
