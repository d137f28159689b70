"""Every address of the portal, read from the URL configuration itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.contrib import admin
from django.urls import get_resolver

from quantify.tests.access.routes import API, patterns

PORTAL = "admin/"
ITS_ID = "<path:object_id>/"
NAMES = {"": "list", f"{ITS_ID}change/": "change"}


@dataclass(frozen=True)
class Address:
    """What a page of the admin registry answers at: its list, its forms, its own pages."""

    page: str
    name: str
    route: str

    def __str__(self) -> str:
        return f"{self.page} {self.name}"

    @property
    def takes_object(self) -> bool:
        return "<path:object_id>" in self.route

    def path(self, pk: object = None) -> str:
        return "/" + self.route.replace("<path:object_id>", str(pk))


@cache
def of_pages() -> dict[str, dict[str, Address]]:
    """The addresses of each registered page, by its label and their names."""
    found: dict[str, dict[str, Address]] = {page: {} for page in registered()}
    for address in _addresses():
        found[address.page][address.name] = address
    return found


@cache
def of_site() -> list[str]:
    """Every address that is neither the API's nor of a registered page."""
    # The list of apps is written with the names of all of them.
    written = {
        re.sub(r"\^?\(\?P<(\w+)>[^)]*\)/?\$", r"<\1>", route)
        for route, _ in patterns(get_resolver())
    }
    return sorted(
        route for route in written if not route.startswith((API, "^api/")) and not _page_of(route)
    )


def registered() -> list[str]:
    return sorted(model._meta.label_lower for model in admin.site._registry)


def _addresses() -> Iterator[Address]:
    for route, _ in patterns(get_resolver()):
        page = _page_of(route)
        if not page:
            continue
        # The form of a password names its person in a way of its own.
        rest = route.removeprefix(_folder(page)).replace("<id>/", ITS_ID)
        if rest != ITS_ID:
            # An id alone leads to the page of the object, whether there is one or not.
            name = NAMES.get(rest, rest.removeprefix(ITS_ID).rstrip("/"))
            yield Address(page, name, _folder(page) + rest)


def _page_of(route: str) -> str:
    return next((page for page in registered() if route.startswith(_folder(page))), "")


def _folder(page: str) -> str:
    return f"{PORTAL}{page.replace('.', '/')}/"
