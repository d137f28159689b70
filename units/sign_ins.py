"""Letting residents sign in: a login of their own, that sees their home and their time there."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import people, roles
from accounts.models import Role, User
from units.models import Resident


class NoResidentsLogin(Exception):
    """The login was switched off, or is no longer that of a resident."""


class NoSignIn(Exception):
    """The resident cannot sign in."""


@transaction.atomic
def invite(*, resident: Resident, username: str) -> User:
    """
    Give a resident a login without a password yet; again, it answers the first one.

    Without a name the login is called as the resident's e-mail address.

    :raises ValidationError: if there is no name, or it is taken.
    :raises NoResidentsLogin: if the resident's login is none of a resident any more.
    """
    held = Resident.objects.select_for_update(of=("self",)).get(pk=resident.pk)
    if held.user_id is not None:
        user = User.objects.get(pk=held.user_id)
        if not user.is_active or not user.is_resident:
            raise NoResidentsLogin("A super admin switched this login off, or changed its role.")
        return user
    name = username or held.email
    if not name:
        raise ValidationError({"username": ValidationError("Give a user name.", code="required")})
    held.user = people.add(
        username=name,
        full_name=str(held),
        email=held.email,
        role=Role.objects.get(code=roles.RESIDENT),
        password=None,
    )
    held.save(update_fields=["user", "updated_at"])
    return held.user


@transaction.atomic
def withdraw(*, resident: Resident, by: User, at: datetime) -> None:
    """
    End a resident's login at once; an invitation later makes another.

    :raises NoSignIn: if there is none.
    :raises NoResidentsLogin: if the login is none of a resident any more.
    """
    held = Resident.objects.select_for_update(of=("self",)).get(pk=resident.pk)
    if held.user_id is None:
        raise NoSignIn("This resident has no sign-in.")
    user = User.objects.get(pk=held.user_id)
    if not user.is_resident:
        raise NoResidentsLogin("This login is not a resident's any more: ask a super admin.")
    people.remove(user=user, by=by, at=at)
    held.user = None
    held.save(update_fields=["user", "updated_at"])
