"""The permission table: as the documents show it, and of permissions that exist."""

from pathlib import Path

from django.conf import settings

from accounts import own_roles, permission_table, roles, scopes


class TestTable:
    def test_is_what_the_documents_show(self):
        shown = (Path(settings.BASE_DIR) / "docs" / "permissions.md").read_text()

        assert shown == permission_table.rendered(), "Run manage.py permission_table."

    def test_gives_nobody_what_is_for_super_admins(self):
        for code, (_, names) in roles.BUILT_IN.items():
            assert not [name for name in names if name.startswith("accounts.")], code
        assert "accounts.view_auditentry" in roles.GRANTABLE
        assert not {"accounts.add_user", "accounts.add_apikey", "accounts.change_role"} & (
            roles.GRANTABLE
        )

    def test_lets_residents_look_and_do_nothing(self):
        assert {name.partition(".")[2][:5] for name in roles.LIVE} == {"view_"}

    def test_knows_every_area_of_a_permission(self):
        assert {name.partition(".")[0] for name in own_roles.existing() & roles.GRANTABLE} <= set(
            scopes.AREAS
        )


class TestScopes:
    def test_cover_what_they_name(self):
        def covered(scope: str, permission: str) -> bool:
            return scopes.covers([scope], permission)

        assert covered("read", "wallets.view_wallet")
        assert not covered("read", "wallets.topup_wallet")
        assert covered("write", "wallets.topup_wallet")
        assert covered("wallets:write", "wallets.view_wallet")
        assert not covered("wallets:write", "meters.view_meter")
        assert covered("wallets.topup_wallet", "wallets.topup_wallet")
        assert not covered("wallets.topup_wallet", "wallets.view_wallet")
        assert not covered("write", "accounts.add_user")
        assert covered("read", "accounts.view_user")
