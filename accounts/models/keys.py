"""What programs sign in with."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts import scopes
from accounts.models.people import User
from accounts.scoping import is_known
from quantify.records import Archivable


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Every key, to those who see every estate; one's own to all others."""
        if not is_known(user):
            return self.none()
        return self if user.sees_every_estate else self.filter(user=user)

    def alive(self) -> Self:
        return self.filter(deleted_at=None)


class ApiKey(Archivable):
    """
    What a program signs in with on behalf of a person; never more than the person has now.

    The key itself is shown once; `digest` is its SHA-256 and `prefix` what tells it from others.
    Archived is revoked. `scopes` are those of `accounts.scopes`; without `estates` it reaches as
    far as its owner. A key that was rotated names the one that took its place.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=20, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=100))
    estates = ArrayField(
        models.UUIDField(), null=True, blank=True, help_text="By value: keys stand below estates."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="replaces"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(
                condition=~Q(scopes__len=0),
                name="api_key_has_scopes",
                violation_error_message="Give the key at least one scope.",
            ),
            models.CheckConstraint(
                condition=Q(estates=None) | ~Q(estates__len=0),
                name="api_key_estates_not_empty",
                violation_error_message="Name at least one estate, or none for all of the owner.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def covers(self, permission: str) -> bool:
        """Whether a permission is within the scopes, whoever the owner is."""
        if self.estates is not None and permission in scopes.OF_EVERY_ESTATE:
            return False
        return scopes.covers(self.scopes, permission)
