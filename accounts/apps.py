from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and roles"

    def ready(self) -> None:
        post_migrate.connect(create_built_in_roles, sender=self)


def create_built_in_roles(*, using: str, **_: Any) -> None:
    """Have a row for each role of the permission table, named as the table names it."""
    from accounts import roles
    from accounts.models import Role

    for code, (name, _permissions) in roles.BUILT_IN.items():
        Role.objects.using(using).update_or_create(code=code, defaults={"name": name})
