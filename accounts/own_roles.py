"""Roles that people define: sets of permissions from the one table of `accounts.roles`."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import roles, security_events
from accounts.models import Role


class BuiltIn(Exception):
    """The permission table in code says what a built-in role may do."""


class RoleInUse(Exception):
    """People have the role."""


@transaction.atomic
def make(*, code: str, name: str, permissions: Iterable[str]) -> Role:
    """
    Define a role.

    :raises ValidationError: if a permission is unknown or for super admins only, or the code is
        taken.
    """
    role = Role(code=code, name=name, permissions=_checked(permissions))
    role.full_clean()
    role.save(force_insert=True)
    security_events.role_changed(role)
    return role


@transaction.atomic
def change(*, role: Role, **fields: Any) -> Role:
    """
    Change a role's name or permissions; whoever has it is bound by the new ones at once.

    :raises BuiltIn: if it is one of the permission table.
    :raises ValidationError: if a permission is unknown or for super admins only.
    """
    held = _held(role)
    for name, value in fields.items():
        setattr(held, name, _checked(value) if name == "permissions" else value)
    held.full_clean()
    held.save(update_fields=[*fields, "updated_at"])
    if "permissions" in fields:
        security_events.role_changed(held)
    return held


@transaction.atomic
def remove(*, role: Role, at: datetime) -> None:
    """
    Take a role out of sight.

    :raises BuiltIn: if it is one of the permission table.
    :raises RoleInUse: if somebody has it.
    """
    held = _held(role)
    if held.users.filter(deleted_at=None).exists():
        raise RoleInUse("People have this role: give them another one first.")
    held.deleted_at = at
    held.save(update_fields=["deleted_at", "updated_at"])
    security_events.role_removed(held)


@cache
def existing() -> frozenset[str]:
    """Every permission there is, whoever may have it."""
    names = set(roles.GRANTABLE)
    for model in apps.get_models():
        meta = model._meta
        names |= {f"{meta.app_label}.{verb}_{meta.model_name}" for verb in meta.default_permissions}
        names |= {f"{meta.app_label}.{codename}" for codename, _ in meta.permissions}
    return frozenset(names)


def _held(role: Role) -> Role:
    held = Role.objects.select_for_update().get(pk=role.pk)
    if held.code in roles.BUILT_IN:
        raise BuiltIn("A built-in role stands in the permission table and is not changed.")
    return held


def _checked(permissions: Iterable[str]) -> list[str]:
    """The permissions in order, each once."""
    named = sorted(set(permissions))
    errors = [
        ValidationError(f"{name}: for super admins only.", code="super_admin_only")
        if name in existing()
        else ValidationError(f"{name}: there is no such permission.", code="unknown")
        for name in named
        if name not in roles.GRANTABLE
    ]
    if errors:
        raise ValidationError({"permissions": errors})
    return named
