from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID7, Lower, Now
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import roles, scopes
from accounts.scoping import estates_of, is_known
from quantify.ids import uuid7
from quantify.records import Archivable, Record


class RoleQuerySet(models.QuerySet["Role"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Roles are no secret to those who may look at them."""
        return self if is_known(user) else self.none()

    def alive(self) -> Self:
        return self.filter(deleted_at=None)


class Role(Archivable):
    """A named set of permissions; the built-in ones take theirs from `accounts.roles`."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    permissions = ArrayField(models.CharField(max_length=100), default=list, blank=True)

    objects = RoleQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def permission_names(self) -> frozenset[str]:
        if built_in := roles.BUILT_IN.get(self.code):
            return built_in[1]
        return frozenset(self.permissions)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Everybody, to those who see every estate; oneself to all others."""
        if not is_known(user):
            return self.none()
        return self if user.sees_every_estate else self.filter(pk=user.pk)

    def alive(self) -> Self:
        return self.filter(deleted_at=None)


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db).select_related("role")

    def visible_to(self, user: "User | AnonymousUser") -> UserQuerySet:
        return self.get_queryset().visible_to(user)

    def alive(self) -> UserQuerySet:
        return self.get_queryset().alive()

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


class User(AbstractBaseUser, Archivable):
    """
    A person who signs in. What they may do follows from the role, where from memberships.

    `session_epoch` is part of what every session was made with: one more ends them all.
    """

    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="users")
    is_active = models.BooleanField(default=True)
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    second_factor_at = models.DateTimeField(
        "asks for a code since", null=True, blank=True, editable=False
    )
    session_epoch = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = UserManager()

    api_key: "ApiKey | None" = None
    """The key this person's request came with; it narrows all that follows."""

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

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password)
        # Whatever form sets it; the trail shows that it changed, never to what.
        self.password_changed_at = timezone.now()

    def get_session_auth_hash(self) -> str:
        value = f"{self.password}\n{self.session_epoch}"
        return salted_hmac("accounts.models.User.session", value, algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        value = f"{self.password}\n{self.session_epoch}"
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield salted_hmac(
                "accounts.models.User.session", value, secret=secret, algorithm="sha256"
            ).hexdigest()

    @property
    def is_super_admin(self) -> bool:
        return self.role.code == roles.SUPER_ADMIN

    @property
    def is_resident(self) -> bool:
        return self.role.code == roles.RESIDENT

    @property
    def sees_every_estate(self) -> bool:
        limited = self.api_key is not None and self.api_key.estates is not None
        return self.is_super_admin and not limited

    @property
    def is_superuser(self) -> bool:
        """Whether no permission is asked; a key's are always asked."""
        return self.is_super_admin and self.api_key is None

    @property
    def is_staff(self) -> bool:
        """Whether the portal is open to this person; residents have the API."""
        return not self.is_resident

    @cached_property
    def permission_names(self) -> frozenset[str]:
        return self.role.permission_names() if self.is_active else frozenset()

    def has_perm(self, permission: str, obj: object | None = None) -> bool:
        if not self.is_active or (self.api_key and not self.api_key.covers(permission)):
            return False
        return self.is_super_admin or permission in self.permission_names

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
