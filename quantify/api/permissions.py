"""What a role allows: each operation of the API needs one permission by its Django name."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

VERBS = {
    "GET": "view",
    "HEAD": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}
SIGNED_IN = ""
"""Named by views that every person who signs in may use."""
OWN = "own."
"""Begins what everybody may do to what is theirs, and a key only within the area that follows."""


class RolePermission(BasePermission):
    """
    Asks the person for the permission of the operation.

    A view names it in `permission_names` by action; otherwise it is the model's view, add, change
    or delete by method. A view that names neither is open to nobody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated
        name = permission_name(view, request.method or "")
        if name is None:
            return False
        if name.startswith(OWN):
            return _is_within(request.auth, name.removeprefix(OWN))
        return name == SIGNED_IN or request.user.has_perm(name)


def _is_within(key: Any, area: str) -> bool:
    """Whether a key may write in an area; who signs in without one may."""
    covers = getattr(key, "covers", None)
    return covers is None or covers(f"{area}.change_own")


def operation_name(method: str) -> str:
    """The method under which a view describes an operation: HEAD asks what GET does."""
    return "get" if method == "HEAD" else method.lower()


def permission_name(view: Any, method: str) -> str | None:
    """The permission an operation of a view needs."""
    names = getattr(view, "permission_names", {})
    action = getattr(view, "action", None) or operation_name(method)
    if action in names:
        return str(names[action])
    queryset = getattr(view, "queryset", None)
    verb = VERBS.get(method)
    if queryset is None or verb is None:
        return None
    options = queryset.model._meta
    return f"{options.app_label}.{verb}_{options.model_name}"
