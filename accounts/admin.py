"""People, roles, the audit trail and lockouts: for those who see everything."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm

from accounts import roles
from accounts.forms import NewPersonForm, PersonForm, RoleForm
from accounts.models import AuditEntry, Role, User
from quantify.portal import columns, formats
from quantify.portal.base import LedgerAdmin, PortalAdmin
from quantify.portal.filters import ScopedRelatedFilter

# Shown below in the portal's own way, or not in use: roles take the place of groups.
for theirs in (Group, AccessAttempt, AccessFailureLog, AccessLog):
    if admin.site.is_registered(theirs):
        admin.site.unregister(theirs)


class SuperAdminMixin:
    """Only super admins reach these pages, whatever permissions an own role was given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_super_admin(request)

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _is_super_admin(request)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _is_super_admin(request)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return _is_super_admin(request)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def _is_super_admin(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


@admin.register(User)
class UserAdmin(SuperAdminMixin, PortalAdmin, DjangoUserAdmin):  # type: ignore[misc]
    """People are switched off, not deleted: their name stands in the history."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = [
        "username",
        "full_name",
        "email",
        columns.text("role.name", "Role"),
        columns.flag("is_active", "State", yes=("Active", "success"), no=("Off", "danger")),
        columns.moment("last_login", "Last sign-in"),
    ]
    list_filter = [("role", ScopedRelatedFilter), "is_active"]
    search_fields = ["username", "full_name", "email"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "created_at"]
    fieldsets = [
        (None, {"fields": ["username", "password", "full_name", "email"]}),
        ("Access", {"fields": ["role", "is_active", "last_login", "created_at"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "full_name", "email", "role", "password1", "password2"]},
        ),
    ]


@admin.register(Role)
class RoleAdmin(SuperAdminMixin, PortalAdmin):
    """Built-in roles stand in the permission table; own roles are chosen here."""

    form = RoleForm
    list_display = [
        "name",
        "code",
        "built_in",
        "number_of_permissions",
        columns.moment("updated_at", "Changed"),
    ]
    search_fields = ["name", "code"]
    ordering = ["name"]

    @admin.display(description="Kind")
    def built_in(self, role: Role) -> SafeString:
        if role.code in roles.BUILT_IN:
            return formats.chip("Built in", "info")
        return formats.chip("Own")

    @admin.display(description="Permissions")
    def number_of_permissions(self, role: Role) -> str:
        if role.code == roles.SUPER_ADMIN:
            return "All"
        return str(len(role.permission_names()))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.code in roles.BUILT_IN:
            return False
        return super().has_change_permission(request, obj)


@admin.register(AuditEntry)
class AuditAdmin(SuperAdminMixin, LedgerAdmin):
    """Who changed what, when, from where: append-only."""

    list_display = [
        columns.moment("at", "When"),
        "actor_name",
        columns.chip("action", {"insert": "success", "update": "info", "delete": "danger"}, "What"),
        "table",
        "object_id",
        "address",
    ]
    list_filter = [("action", ChoicesDropdownFilter), ("at", RangeDateTimeFilter)]
    search_fields = ["object_id", "actor_name", "request_id", "table"]
    ordering = ["-at", "-id"]
    fields = ["at", "actor_name", "action", "table", "object_id", "before_and_after", "address",
              "request_id"]  # fmt: skip
    readonly_fields = ["before_and_after"]

    @admin.display(description="Before and after")
    def before_and_after(self, entry: AuditEntry) -> SafeString | str:
        before, after = entry.before or {}, entry.after or {}
        rows = [
            (name, before.get(name, formats.NOTHING), after.get(name, formats.NOTHING))
            for name in sorted({*before, *after})
        ]
        if not rows:
            return formats.NOTHING
        return format_html(
            '<table class="q-table"><thead><tr><th>Field</th><th>Before</th><th>After</th></tr>'
            "</thead><tbody>{}</tbody></table>",
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows),
        )

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AccessAttempt)
class LockoutAdmin(SuperAdminMixin, PortalAdmin):
    """Failed sign-ins; releasing one lets the person try again at once."""

    list_display = [
        "username",
        "ip_address",
        "failures_since_start",
        columns.moment("attempt_time", "Last try"),
        "path_info",
    ]
    search_fields = ["username", "ip_address"]
    ordering = ["-attempt_time", "-id"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info",
              "user_agent"]  # fmt: skip
    actions = ["release"]

    @admin.action(description="Release the selected lockouts", permissions=["view"])
    def release(self, request: HttpRequest, queryset: QuerySet) -> None:
        number, _ = queryset.delete()
        messages.success(request, f"Released {number}.")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
