"""Signing in by user name and password; what a person may do is answered by the user itself."""

from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from accounts import callers
from accounts.models import User
from quantify import user_names
from quantify.api import hashing, throttles


class RoleBackend(BaseBackend):
    """Counts attempts before it hashes, and hashes only a few passwords at a time."""

    def authenticate(
        self, request: HttpRequest | None, username: str = "", password: str = "", **_: object
    ) -> User | None:
        if request is not None:
            throttles.spend_sign_in(request, username)
        if not user_names.can_be_one(username):
            return None
        user = callers.by_name(username)
        with hashing.one_hash():
            if user is None:
                # The same work as for a known name, so that the time tells nothing.
                User().set_password(password)
                return None
            is_right = user.check_password(password)
        return user if is_right and user.is_active else None

    def get_user(self, user_id: UUID) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
