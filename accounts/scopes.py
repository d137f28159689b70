"""
What an API key may be narrowed to.

A scope is `read` or `write` (every area), an area with one of them such as `wallets:read`, or one
permission by its name. `write` includes `read`. Whatever the scopes say, a key never changes
people, roles or keys: a key that leaked must not make another one. What is kept hidden is shown
only to a key that names just that permission.
"""

from collections.abc import Collection

from accounts import roles

READ, WRITE = "read", "write"
AREAS = ("accounts", "estates", "units", "meters", "rates", "wallets", "notifications", "reports")
LOOKING = "view_"
OF_PEOPLE = frozenset({"units.invite_resident"})
"""What changes who signs in, wherever its area is."""
OF_EVERY_ESTATE = frozenset({"estates.add_estate"})
"""What a key that is bound to some estates cannot do: it would not see what it made."""
BY_NAME_ALONE = frozenset({"units.reveal_resident"})
"""What no broad scope includes."""

BROAD = (
    READ, WRITE,
    *(f"{area}:{verb}" for area in AREAS for verb in (READ, WRITE)
      if (area, verb) != ("accounts", WRITE)),
)  # fmt: skip


def is_known(scope: str) -> bool:
    """Whether this is a scope that a key can have."""
    return scope in BROAD or (scope in roles.GRANTABLE and not _is_of_people(scope))


def covers(scopes: Collection[str], permission: str) -> bool:
    """Whether a permission is within scopes."""
    if permission in scopes:
        return not _is_of_people(permission)
    if permission in BY_NAME_ALONE or _is_of_people(permission):
        return False
    area, _, action = permission.partition(".")
    if WRITE in scopes or f"{area}:{WRITE}" in scopes:
        return True
    return action.startswith(LOOKING) and (READ in scopes or f"{area}:{READ}" in scopes)


def _is_of_people(permission: str) -> bool:
    area, _, action = permission.partition(".")
    return permission in OF_PEOPLE or (area == "accounts" and not action.startswith(LOOKING))
