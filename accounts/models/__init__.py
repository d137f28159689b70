"""People, what they sign in with, and what they changed."""

from accounts.models.answers import KeptAnswer
from accounts.models.codes import RecoveryCode, SecondFactor
from accounts.models.keys import ApiKey
from accounts.models.people import Role, User
from accounts.models.sessions import Session
from accounts.models.trail import AuditEntry

__all__ = [
    "ApiKey",
    "AuditEntry",
    "KeptAnswer",
    "RecoveryCode",
    "Role",
    "SecondFactor",
    "Session",
    "User",
]
