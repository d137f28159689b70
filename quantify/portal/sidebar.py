"""Which entry of the sidebar stands out. The settings name it, so nothing here asks for models."""

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def leads_here(link: object) -> Callable[[HttpRequest], bool]:
    """Whether a link of the sidebar is the nearest one to the page that is open."""
    return lambda request: _path(link) == _nearest(request.path)


def _nearest(path: str) -> str:
    """
    The longest link that the address of a page begins with: the page itself, or its list.

    The pages of reports hang below the list of estates, which they are no part of.
    """
    return max((one for one in _links() if path.startswith(one)), key=len, default="")


@cache
def _links() -> tuple[str, ...]:
    known: Any = settings
    groups = known.UNFOLD["SIDEBAR"]["navigation"]
    return tuple(_path(item["link"]) for group in groups for item in group["items"])


def _path(link: object) -> str:
    return urlsplit(str(link)).path
