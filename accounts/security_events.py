"""
What is noted in the log when the access of people changes: ids and codes, never names.

The operations that change it call these, so that no page or command can forget to; a line is
written once the change is committed. The audit trail holds what stood before and after.
"""

from functools import partial
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from accounts.models import ApiKey, Role, User
from quantify.api import logs


class NotesPasswords:
    """A password validator that refuses none: Django tells it of every password that was set."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Nothing is asked of a password here."""

    def get_help_text(self) -> str:
        return "That it was changed is noted in the security log, the password never is."

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if user is not None:
            note("password_changed", person=str(user.pk))


def note(name: str, **fields: object) -> None:
    """Write a line when what surrounds this is committed; of what is rolled back there is none."""
    transaction.on_commit(partial(logs.event, name, logs.answered(), **fields))


def person_changed(person: User, *, before: User | None) -> None:
    """A person was taken on, has another role, or was switched on or off."""
    role_before = before.role.code if before else None
    if person.role.code != role_before:
        note("role_changed", person=str(person.pk), before=role_before, after=person.role.code)
    if before is not None and person.is_active != before.is_active:
        note("person_switched_on" if person.is_active else "person_switched_off",
             person=str(person.pk))  # fmt: skip


def person_removed(person: User) -> None:
    note("person_removed", person=str(person.pk))


def session_ended(person: User) -> None:
    """One session of a person was ended by the person."""
    note("session_ended", person=str(person.pk))


def sessions_ended(person: User) -> None:
    """Sessions of a person were ended together, by the person or a super admin."""
    note("sessions_ended", person=str(person.pk))


def role_changed(role: Role) -> None:
    """A role of one's own allows other things than before."""
    note("permissions_changed", role=role.code, permissions=len(role.permissions))


def role_removed(role: Role) -> None:
    note("role_removed", role=role.code)


def key_made(key: ApiKey) -> None:
    note("key_made", key=str(key.pk), person=str(key.user_id))


def key_changed(key: ApiKey) -> None:
    """A key has another end, other scopes or estates."""
    note("key_changed", key=str(key.pk), person=str(key.user_id))


def key_rotated(key: ApiKey, *, successor: ApiKey) -> None:
    note("key_rotated", key=str(key.pk), person=str(key.user_id), successor=str(successor.pk))


def key_revoked(key: ApiKey) -> None:
    note("key_revoked", key=str(key.pk), person=str(key.user_id))


def second_factor_changed(person: User, what: str) -> None:
    """Its app was `set_up` or `removed`, a code `refused` or all `locked`, or codes `renewed`."""
    note(f"second_factor_{what}", person=str(person.pk))


def membership_changed(person: UUID, estate: UUID, what: str) -> None:
    """A person works for an estate since now (`began`), or no longer (`ended`)."""
    note(f"membership_{what}", person=str(person), estate=str(estate))
