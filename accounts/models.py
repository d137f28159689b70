from collections.abc import Iterable
from functools import cached_property
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID7, Lower, Now

from accounts import roles
from quantify.ids import uuid7
from quantify.records import Record


class Role(Record):
    """A named set of permissions; the built-in ones take theirs from `accounts.roles`."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    permissions = ArrayField(models.CharField(max_length=100), default=list, blank=True)

    def __str__(self) -> str:
        return self.name

    def permission_names(self) -> frozenset[str]:
        if built_in := roles.BUILT_IN.get(self.code):
            return built_in[1]
        return frozenset(self.permissions)


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> models.QuerySet["User"]:
        return super().get_queryset().select_related("role")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username__iexact=username)

    def create_user(
        self, username: str, password: str | None = None, *, role: str, **fields: object
    ) -> "User":
        """Create a person with a built-in or own role, given by its code."""
        user = self.model(username=username, role=Role.objects.get(code=role), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(
        self, username: str, password: str | None = None, **fields: object
    ) -> "User":
        return self.create_user(username, password, role=roles.SUPER_ADMIN, **fields)


class User(AbstractBaseUser, Record):
    """A person who signs in. What they may do follows from the role, where from memberships."""

    username = models.CharField(max_length=150, unique=True)
    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="users")
    is_active = models.BooleanField(default=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["email"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_name_unique",
                violation_error_code="duplicate",
                violation_error_message="This user name is taken.",
            ),
            models.CheckConstraint(condition=~Q(username=""), name="user_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    @property
    def sees_every_estate(self) -> bool:
        return self.role.code == roles.SUPER_ADMIN

    @property
    def is_superuser(self) -> bool:
        return self.role.code == roles.SUPER_ADMIN

    @property
    def is_staff(self) -> bool:
        """Whether the portal is open to this person; residents have the API."""
        return self.role.code != roles.RESIDENT

    @cached_property
    def permission_names(self) -> frozenset[str]:
        return self.role.permission_names() if self.is_active else frozenset()

    def has_perm(self, permission: str, obj: object | None = None) -> bool:
        if not self.is_active:
            return False
        return self.is_superuser or permission in self.permission_names

    def has_perms(self, permissions: Iterable[str], obj: object | None = None) -> bool:
        return all(self.has_perm(permission, obj) for permission in permissions)

    def has_module_perms(self, app_label: str) -> bool:
        if not self.is_active:
            return False
        return self.is_superuser or any(
            name.startswith(f"{app_label}.") for name in self.permission_names
        )


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Entries of the estates a person works for; all for those who see everywhere."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.sees_every_estate:
            return self
        return self.filter(scope__in=user.memberships.values("estate_id"))


class AuditEntry(models.Model):
    """
    One change by a person: append-only, written by the trigger of `accounts.audit`.

    `before` and `after` hold what changed; the actor, the object and its estate stand by value,
    so that the trail outlives them.
    """

    class Action(models.TextChoices):
        INSERT = "insert", "Created"
        UPDATE = "update", "Changed"
        DELETE = "delete", "Deleted"

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
        indexes = [models.Index(fields=["object_id", "-at"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.table}"


class KeptAnswer(Record):
    """
    What was answered to a request with an `Idempotency-Key`, written with what the request did.

    `key` is a person's own; `digest` knows the request again.
    """

    key = models.CharField(max_length=200, unique=True)
    digest = models.CharField(max_length=64)
    body = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="kept_answer_age")]

    def __str__(self) -> str:
        return f"Answer of {self.created_at:%Y-%m-%d %H:%M}"
