"""People who sign in, and the roles that say what they may do."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import roles
from accounts.scoping import is_known
from quantify import user_names
from quantify.records import Archivable

if TYPE_CHECKING:
    from accounts.models.keys import ApiKey


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

    def named(self, username: str) -> Self:
        """The one of a user name in any spelling, as their index has it, or nobody."""
        return self.filter(Exact(Lower("username"), Lower(Value(username))))


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db).select_related("role")

    def visible_to(self, user: "User | AnonymousUser") -> UserQuerySet:
        return self.get_queryset().visible_to(user)

    def alive(self) -> UserQuerySet:
        return self.get_queryset().alive()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.named(username or "").get()

    def named(self, username: str) -> UserQuerySet:
        return self.get_queryset().named(username)

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
        max_length=user_names.LONGEST, unique=True, validators=[UnicodeUsernameValidator()]
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

    def clean(self) -> None:
        super().clean()
        if not user_names.is_plain(self.username):
            words = "Use letters that are the same in every language: not İ, nor Σ at the end."
            raise ValidationError({"username": ValidationError(words, code="invalid")})

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
