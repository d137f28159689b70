"""People for tests, in every role."""

from typing import Any

from factory.declarations import LazyAttribute, LazyFunction, Sequence
from factory.django import DjangoModelFactory, Password

from accounts import roles
from accounts.models import Role, User

PASSWORD = "correct horse battery staple"


def role(code: str) -> Role:
    """The role of a code; made if it is one of the built-in ones and missing."""
    name = roles.BUILT_IN[code][0] if code in roles.BUILT_IN else code
    return Role.objects.get_or_create(code=code, defaults={"name": name})[0]


class RoleFactory(DjangoModelFactory[Role]):
    """A role of one's own: a set of permissions under a name."""

    class Meta:
        model = Role

    code = Sequence(lambda number: f"own-role-{number}")
    name = LazyAttribute(lambda own: own.code.replace("-", " ").capitalize())
    permissions = LazyFunction(list)


class UserFactory(DjangoModelFactory[User]):
    """
    A person; `role` is a role or the code of one (default: super admin).

    Membership of estates is made by `EstateFactory.create(members=[user])`.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = Sequence(lambda number: f"person{number}")
    full_name = LazyAttribute(lambda own: own.username.capitalize())
    email = LazyAttribute(lambda own: f"{own.username}@example.com")
    password = Password(PASSWORD)
    role = roles.SUPER_ADMIN

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        if isinstance(kwargs["role"], str):
            kwargs["role"] = role(kwargs["role"])
        return kwargs
