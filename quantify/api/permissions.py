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
        return name == SIGNED_IN or request.user.has_perm(name)


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
