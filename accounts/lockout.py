"""Whose failures are counted together."""

from collections.abc import Mapping

from django.http import HttpRequest

from quantify import user_names


def name_tried(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """The user name that was tried, as it is counted: in one spelling, no longer than a name is."""
    tried = (credentials or {}).get("username") or request.POST.get("username") or ""
    return user_names.folded(tried)[: user_names.LONGEST]
