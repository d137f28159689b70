"""Sessions of the portal, each with whose it is."""

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.models.people import User


class Session(AbstractBaseSession):
    """
    A session as it is stored: whose it is and when it was last used, beside what Django keeps.

    When it began and from what kind of browser is in its signed data.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    used_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        # Its key is a credential.
        return f"Session of {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.session_store import SessionStore

        return SessionStore
