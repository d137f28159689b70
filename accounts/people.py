"""
People: who is at work, taking them on, changing what they may do, letting them go.

Nobody switches themselves off or gives away their own role, and the last super admin stays: both
would lock the house from outside. What follows from a change (sessions, keys, remembered
passwords) ends by itself, because each request reads it anew.
"""

from copy import copy
from datetime import datetime
from typing import Any

from django.contrib.auth import password_validation
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts import roles, security_events
from accounts.models import Role, User

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 256
"""The shortest is Django's own, which its validator holds wherever a password is set."""


class LastSuperAdmin(Exception):
    """Somebody must be able to let others in."""


class OneselfRefused(Exception):
    """What nobody may do to themselves."""


def signed_in(request: HttpRequest) -> User:
    """
    The person who sent the request.

    :raises django.core.exceptions.PermissionDenied: if nobody is signed in.
    """
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied("Sign in first.")


@transaction.atomic
def add(*, password: str | None, **fields: Any) -> User:
    """
    Take a person on; without a password nobody can sign in as them yet.

    :raises ValidationError: if a field, the name or the password is refused.
    """
    user = User(**fields)
    user.set_unusable_password()
    if password is not None:
        _give_password(user, password)
    user.full_clean()
    user.save(force_insert=True)
    security_events.person_changed(user, before=None)
    return user


@transaction.atomic
def change(*, user: User, by: User, **fields: Any) -> User:
    """
    Change a person's names, address, role, state or password.

    :raises OneselfRefused: if people would switch themselves off or change their own role.
    :raises LastSuperAdmin: if nobody else could let people in.
    :raises ValidationError: if a field or the password is refused.
    """
    password = fields.pop("password", None)
    held = _held(user)
    becomes: Role = fields.get("role", held.role)
    stays = fields.get("is_active", held.is_active)
    if held.pk == by.pk and (becomes.pk != held.role_id or not stays):
        raise OneselfRefused("Let another super admin change your own role or state.")
    if not stays or becomes.code != roles.SUPER_ADMIN:
        _spare_the_last(held)
    before = copy(held)
    for name, value in fields.items():
        setattr(held, name, value)
    if password is not None:
        _give_password(held, password)
    held.full_clean()
    held.save()
    security_events.person_changed(held, before=before)
    return held


@transaction.atomic
def remove(*, user: User, by: User, at: datetime) -> None:
    """
    Take a person out of sight; their name stands in the history and is not given again.

    :raises OneselfRefused: if it is oneself.
    :raises LastSuperAdmin: if nobody else could let people in.
    """
    held = _held(user)
    if held.pk == by.pk:
        raise OneselfRefused("Nobody deletes themselves.")
    _spare_the_last(held)
    held.is_active = False
    held.deleted_at = at
    held.save(update_fields=["is_active", "deleted_at", "updated_at"])
    security_events.person_removed(held)


@transaction.atomic
def set_password(*, user: User, password: str) -> User:
    """
    Give a person a new password; every session of the old one ends.

    :raises ValidationError: if the password is too short or too common.
    """
    held = _held(user)
    _give_password(held, password)
    held.save(update_fields=["password", "password_changed_at", "updated_at"])
    return held


@transaction.atomic
def end_sessions(*, user: User) -> User:
    """End every session of a person, whichever browser it is in."""
    held = _held(user)
    held.session_epoch += 1
    held.save(update_fields=["session_epoch", "updated_at"])
    security_events.sessions_ended(held)
    return held


def _held(user: User) -> User:
    return User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)


def _give_password(user: User, password: str) -> None:
    if len(password) > LONGEST_PASSWORD:
        raise ValidationError({"password": f"Use at most {LONGEST_PASSWORD} characters."})
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error
    user.set_password(password)


def _spare_the_last(user: User) -> None:
    """:raises LastSuperAdmin: if this is the only super admin who can sign in."""
    if user.role.code != roles.SUPER_ADMIN or not user.is_active:
        return
    # Whoever takes a super admin away holds the role, so that two do not spare each other.
    Role.objects.select_for_update(no_key=True).get(code=roles.SUPER_ADMIN)
    others = User.objects.alive().filter(role__code=roles.SUPER_ADMIN, is_active=True)
    if not others.exclude(pk=user.pk).exists():
        raise LastSuperAdmin("This is the last super admin: make another one first.")
