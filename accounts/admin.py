"""People, roles, the audit trail and lockouts: for those who see everything."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.forms import AdminPasswordChangeForm

from accounts import invitations, own_roles, people, roles, second_factor
from accounts.forms import NewPersonForm, PersonForm, RoleForm
from accounts.models import AuditEntry, Role, User
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, LedgerAdmin, PortalAdmin, become
from quantify.portal.filters import ScopedRelatedFilter
from quantify.portal.pages import confirm, object_url, show_once

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
class UserAdmin(SuperAdminMixin, ArchiveAdmin, DjangoUserAdmin):  # type: ignore[misc]
    """People who are deleted are switched off: their name stands in the history."""

    refusals = {people.OneselfRefused: "", people.LastSuperAdmin: ""}
    actions_detail = ["password_link", "end_sessions", "take_app_away", "restore"]
    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = [
        "username",
        "full_name",
        "email",
        columns.text("role.name", "Role"),
        columns.flag("is_active", "State", yes=("Active", "success"), no=("Off", "danger")),
        columns.flag("second_factor_at", "Code", yes=("By app", "success"), no=("None", "muted")),
        columns.moment("last_login", "Last sign-in"),
    ]
    list_filter = [("role", ScopedRelatedFilter), "is_active"]
    search_fields = ["username", "full_name", "email"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "created_at", "password_changed_at", "second_factor_at"]
    fieldsets = [
        (None, {"fields": ["username", "password", "full_name", "email"]}),
        ("Access", {"fields": ["role", "is_active", "last_login", "created_at",
                               "password_changed_at", "second_factor_at"]}),
    ]  # fmt: skip
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "full_name", "email", "role", "password1", "password2"]},
        ),
    ]

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        names = PersonForm.Meta.fields if change else NewPersonForm.Meta.fields
        filled = {name: form.cleaned_data[name] for name in names}
        if change:
            become(obj, people.change(user=obj, by=people.signed_in(request), **filled))
        else:
            become(obj, people.add(password=form.cleaned_data["password1"], **filled))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        people.remove(user=obj, by=people.signed_in(request), at=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        spared = obj is not None and (obj.pk == request.user.pk or obj.deleted_at is not None)
        return _is_super_admin(request) and not spared

    def has_password_link_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return _is_super_admin(request)

    def has_end_sessions_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return _is_super_admin(request)

    def has_take_app_away_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not _is_super_admin(request):
            return False
        obj = self.get_object(request, object_id)
        return obj is not None and obj.second_factor_at is not None

    @action("Password link", permission="password_link", icon="link")
    def password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make a link with which the person sets a password, and show it once."""
        user = self.object_or_404(request, object_id)
        title = f"Password link for {user.username}"
        if request.method != "POST":
            intro = "Whoever has the link sets a new password. Hand it to the person alone."
            return confirm(
                request, self, user, title=title, intro=intro, submit_words="Make the link"
            )
        link = request.build_absolute_uri(invitations.path_for(user))
        intro = "It works once, for three days."
        return show_once(request, self, user, title=title, intro=intro, secret=link)

    @action("End sessions", permission="end_sessions", icon="logout")
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sign a person out of the portal, wherever they are."""
        user = self.object_or_404(request, object_id)
        if request.method == "POST":
            people.end_sessions(user=user)
            self.log_change(request, user, "Every session was ended.")
            messages.success(request, f"{user} is signed in nowhere any more.")
            return HttpResponseRedirect(object_url(user))
        intro = "They sign in anew where they still may. Keys of the API are revoked on their own."
        title = f"End the sessions of {user.username}"
        return confirm(
            request, self, user, title=title, intro=intro, submit_words="End the sessions"
        )

    @action("Take the app away", permission="take_app_away", icon="phonelink_erase")
    def take_app_away(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For a lost phone: ask for no code until another app is set up."""
        user = self.object_or_404(request, object_id)
        if request.method == "POST":
            second_factor.remove(user=user)
            self.log_change(request, user, "The authenticator app was taken away.")
            messages.success(request, f"{user} signs in without a code now.")
            return HttpResponseRedirect(object_url(user))
        intro = "Be sure who asks. The password alone is enough until an app is set up again."
        title = f"Take the app of {user.username} away"
        return confirm(
            request, self, user, title=title, intro=intro, submit_words="Take the app away"
        )


@admin.register(Role)
class RoleAdmin(SuperAdminMixin, ArchiveAdmin):
    """Built-in roles stand in the permission table; own roles are chosen here."""

    refusals = {own_roles.BuiltIn: ""}
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

    def save_model(
        self,
        request: HttpRequest,
        obj: Role,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        if change:
            become(obj, own_roles.change(role=obj, **form.cleaned_data))
        else:
            become(obj, own_roles.make(**form.cleaned_data))

    def delete_model(self, request: HttpRequest, obj: Role) -> None:
        own_roles.remove(role=obj, at=timezone.now())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.code in roles.BUILT_IN:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return _is_super_admin(request)
        is_used = obj.code in roles.BUILT_IN or obj.users.filter(deleted_at=None).exists()
        return _is_super_admin(request) and not is_used and obj.deleted_at is None


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
