"""Headers that every answer carries, whatever made it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

EVERYWHERE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""What an answer that is no page may load: nothing."""


class ResponseHeadersMiddleware:
    """Sets what others have not; whatever a person was shown is kept in no cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in EVERYWHERE.items():
            response.headers.setdefault(name, value)
        # The admin would let its lists be framed by its own pages, which do not.
        response.headers["X-Frame-Options"] = "DENY"
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["Content-Security-Policy"] = NO_PAGE
        response.headers.setdefault("Content-Security-Policy", NO_PAGE)
        if _is_personal(request) and "no-store" not in response.headers.get("Cache-Control", ""):
            add_never_cache_headers(response)
        return response


def _is_personal(request: HttpRequest) -> bool:
    """Whether somebody said who they are, or may be about to; files of ours are not."""
    if request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
        return False
    if "HTTP_AUTHORIZATION" in request.META or request.path.startswith("/admin/"):
        return True
    return bool(request.COOKIES)
