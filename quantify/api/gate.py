"""What is refused before anything looks at a request: too large, too many, unencrypted, TRACE."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from quantify.api import addresses, problems, request_id, throttles
from quantify.api.hashing import HashingBusy
from quantify.api.problems import Kind, Problem

API = "/api/"
UNCOUNTED = ("/api/v1/health/", f"/{settings.STATIC_URL.strip('/')}/")
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES = frozenset({"same-origin", "none"})
IMPORTS = ("text/csv", "multipart/form-data")


class GateMiddleware:
    """Refuses early, in the words of the API or on a plain page, and tells of limits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._refusal(request) or self.get_response(request)
        for name, value in throttles.headers(request).items():
            response.headers.setdefault(name, value)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """What signing in to the portal met: the API answers this by itself."""
        if isinstance(error, throttles.TooMany):
            return refused(request, problems.THROTTLED, {"Retry-After": str(error.wait)})
        if isinstance(error, HashingBusy):
            return refused(request, problems.SIGN_IN_BUSY, {"Retry-After": str(error.wait)})
        return None

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if request.method not in METHODS and not _asks_for_methods(request):
            return refused(request, problems.METHOD_NOT_ALLOWED, {"Allow": ", ".join(METHODS)})
        if request.path.startswith(UNCOUNTED):
            return None
        for is_so, kind, headers in REFUSALS:
            if is_so(request):
                return refused(request, kind, headers)
        try:
            throttles.spend(request, throttles.ADDRESS, addresses.counted_as(request))
        except throttles.TooMany as error:
            return refused(request, problems.THROTTLED, {"Retry-After": str(error.wait)})
        return None


def refused(
    request: HttpRequest, kind: Kind, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Answer a problem to callers of the API, else a page that says the same."""
    if request.path.startswith(API):
        body = problems.as_json(
            Problem(kind), instance=request.path, request_id=request_id.current()
        )
        return JsonResponse(
            body, status=kind.status, content_type=problems.MEDIA_TYPE, headers=dict(headers or {})
        )
    page = render_to_string("refused.html", {"kind": kind})
    return HttpResponse(page, status=kind.status, headers=dict(headers or {}))


def _asks_for_methods(request: HttpRequest) -> bool:
    """Whether an address of the API is asked for its methods: its refusal tells them."""
    return request.method == "OPTIONS" and request.path.startswith(API)


def _is_unencrypted(request: HttpRequest) -> bool:
    """Whether a call of the API came over plain HTTP where HTTPS is demanded."""
    is_api = request.path.startswith(API)
    return bool(settings.SECURE_SSL_REDIRECT) and is_api and not request.is_secure()


def _is_foreign(request: HttpRequest) -> bool:
    """
    Whether a page of another site had a browser change something through the API.

    The browser adds credentials by itself that it was once asked for by HTTP Basic. It says where
    the page is from (Fetch Metadata, W3C; older ones, and over plain HTTP, by Origin alone).
    """
    if not request.path.startswith(API) or request.method in SAFE:
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in OWN_SITES
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return False
    return urlsplit(origin).netloc != request.get_host()


def _is_too_large(request: HttpRequest) -> bool:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return False
    is_import = request.content_type in IMPORTS
    most: int = settings.MAX_IMPORT_BYTES if is_import else settings.MAX_BODY_BYTES
    return length > most


REFUSALS: tuple[tuple[Callable[[HttpRequest], bool], Kind, Mapping[str, str]], ...] = (
    (_is_unencrypted, problems.HTTPS_NEEDED, {}),
    (_is_foreign, problems.FOREIGN_PAGE, {}),
    (_is_too_large, problems.TOO_LARGE, {"Connection": "close"}),
)
