"""Every operation of the API, read from the URL configuration itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from quantify.api.permissions import permission_name

API = "api/v1/"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Operation:
    """One method of one address, with the permission that its view asks for."""

    route: str
    method: str
    permission: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def is_safe(self) -> bool:
        return self.method in ("GET", "HEAD")

    def path(self, pk: object = None) -> str:
        """The address, with an object's id where it takes one."""
        path = self.route.replace("<uuid:pk>", str(pk)).replace("<slug:code>", "duplicate")
        return f"/{API}{path}"


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address below a resolver, as it is written in the URL configuration."""
    for pattern in resolver.url_patterns:
        written = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield written, pattern
        else:
            yield from patterns(pattern, written)


@cache
def operations() -> dict[str, list[Operation]]:
    """The operations of each address below `/api/v1/`, without those for what is no address."""
    found: dict[str, list[Operation]] = {}
    for written, pattern in patterns(get_resolver()):
        view = getattr(pattern.callback, "cls", None)
        route = written.removeprefix(API)
        if written.startswith(API) and view is not None and route:
            found.setdefault(route, []).extend(_operations(route, pattern.callback, view))
    return found


def _operations(route: str, callback: Any, view: Any) -> Iterator[Operation]:
    actions = getattr(callback, "actions", None) or {
        name: None for name in view.http_method_names if hasattr(view, name)
    }
    for name, action in sorted(actions.items()):
        method = name.upper()
        if method not in METHODS or name not in view.http_method_names:
            continue
        asked = view(**callback.initkwargs)
        asked.action = action
        yield Operation(route, method, permission_name(asked, method))
