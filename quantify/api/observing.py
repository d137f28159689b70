"""What is noted of every request: one line, its metrics, and what bears on security."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from quantify.api import addresses, logs, metrics

lines = logging.getLogger("quantify.requests")


class ObservingMiddleware:
    """Notes method, route, status, duration and the person's id; never a path or a body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        with logs.answering(request):
            response = self.get_response(request)
        seconds = time.perf_counter() - began
        route = logs.route_of(request) or "none"
        method = request.method if request.method in metrics.METHODS else "other"
        metrics.REQUESTS.labels(method, route, str(response.status_code)).observe(seconds)
        lines.info(
            "request",
            extra={
                "method": method,
                "route": route,
                "status": response.status_code,
                "milliseconds": round(seconds * 1000, 1),
                "user": logs.person_of(request),
            },
        )
        if response.status_code == HTTPStatus.FORBIDDEN:
            logs.event("permission_denied", request, method=method)
        return response


@receiver(user_locked_out)
def _note_lockout(request: HttpRequest, **_: object) -> None:
    logs.event("locked_out", request, address=addresses.of(request))


@receiver(user_login_failed)
def _note_failure(request: HttpRequest | None = None, **_: object) -> None:
    where = {"address": addresses.of(request)} if request is not None else {}
    logs.event("sign_in_failed", request, **where)


@receiver(user_logged_in)
def _note_sign_in(request: HttpRequest, **_: object) -> None:
    logs.event("signed_in", request, address=addresses.of(request))
