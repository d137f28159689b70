"""What is noted in the log when the access of people changes; the audit trail holds it too."""

from django.http import HttpRequest

from accounts.models import Role, User
from quantify.api import logs


def role_changed(request: HttpRequest, *, person: User, before: str | None) -> None:
    """A person has another role than before, or a first one; codes of roles, no names."""
    if person.role.code != before:
        logs.event(
            "role_changed", request, person=str(person.pk), before=before, after=person.role.code
        )


def permissions_changed(request: HttpRequest, *, role: Role) -> None:
    """A role of one's own allows other things than before."""
    logs.event("permissions_changed", request, role=role.code, permissions=len(role.permissions))


def key_changed(request: HttpRequest, *, key: str, what: str) -> None:
    """An API key was made, changed or revoked: the id of its row, never the key."""
    logs.event(f"key_{what}", request, key=key)
