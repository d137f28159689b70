"""The audit trail: what people changed."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import UUID7, Now

from accounts.models.people import User
from accounts.scoping import estates_of, is_known
from quantify.ids import uuid7


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Entries of the estates a person works for; all for those who see everywhere."""
        if not is_known(user) or user.is_resident:
            return self.none()
        estates = estates_of(user)
        return self if estates is None else self.filter(scope__in=estates)


class AuditEntry(models.Model):
    """
    One change by a person, or one look at what is kept hidden: append-only, written by
    `accounts.audit`.

    `before` and `after` hold what changed; the actor, the object and its estate stand by value,
    so that the trail outlives them.
    """

    class Action(models.TextChoices):
        INSERT = "insert", "Created"
        UPDATE = "update", "Changed"
        DELETE = "delete", "Deleted"
        REVEAL = "reveal", "Looked at"

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUID7(), editable=False)
    at = models.DateTimeField(db_default=Now())
    actor = models.UUIDField()
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=10, choices=Action)
    table = models.CharField(max_length=63)
    object_id = models.UUIDField()
    scope = models.UUIDField("estate", null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=45, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["object_id", "-at"], name="audit_by_object"),
            # Ids are sorted by time, so that the newest of a person or an estate come first.
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["scope", "-id"], name="audit_by_estate"),
            models.Index(fields=["table", "-id"], name="audit_by_table"),
            BrinIndex(fields=["at"], name="audit_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.table}"
