"""Whose failures are counted together."""

from collections.abc import Mapping

from django.http import HttpRequest


def name_tried(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """The user name that was tried, as sign-in reads it: without regard to upper case."""
    tried = (credentials or {}).get("username") or request.POST.get("username") or ""
    return tried.strip().lower()
