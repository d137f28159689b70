"""What people sign in with besides a password: an app, and codes for a lost phone."""

from django.db import models

from accounts.models.people import User
from quantify.records import Record


class SecondFactor(Record):
    """
    A person's authenticator app: the secret it shares with us, encrypted, and what was used of it.

    `last_step` is the last period of 30 seconds whose code was taken: none is taken twice.
    Wrong codes are counted here, because a right password must not forgive them.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.TextField(editable=False)
    last_step = models.BigIntegerField(default=0, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"Second factor of {self.user_id}"


class RecoveryCode(Record):
    """A code that stands in for the app once; only its digest is kept."""

    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["factor", "digest"], name="recovery_code_unique"),
        ]

    def __str__(self) -> str:
        return "used" if self.used_at else "unused"
