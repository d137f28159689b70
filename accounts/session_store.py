"""
Where sessions are kept (`SESSION_ENGINE`): in the database alone, each with whose it is.

Every request writes its session anyway, so that a copy in the cache would save little; and with
one, a session that is ended while a request of it is on its way could come back from there.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as Store

from accounts.models import Session


class SessionStore(Store):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = super().create_model_instance(data)
        assert isinstance(session, Session)  # noqa: S101 - as named above
        session.user_id = data.get(SESSION_KEY)
        return session
