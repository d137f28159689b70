"""Messages that were owed, what became of each way they took, and the words they are written in."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from notifications import delivering, placeholders, wording
from notifications.models import Delivery, Notification, Template
from quantify.portal import columns
from quantify.portal.base import PortalAdmin, ReadOnlyAdmin
from quantify.portal.formats import NOTHING

STATES = {"due": "warning", "delivered": "success"}
DELIVERY_STATES = {
    "due": "warning",
    "sending": "info",
    "delivered": "success",
    "uncertain": "warning",
    "not_configured": "info",
    "dead": "danger",
}


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = [
        columns.moment("created_at", "Written"),
        columns.choice("event"),
        "says",
        columns.chip("state", STATES),
        columns.moment("delivered_at", "Delivered"),
    ]
    list_filter = [("state", ChoicesDropdownFilter), ("event", ChoicesDropdownFilter)]
    search_fields = ["subject_key", "text", "title"]
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": ["event", "recipient", "title", "text"]}),
        ("Delivery", {"fields": ["state", "due_at", "delivered_at"]}),
        ("About", {"fields": ["subject_key", "once_key", "created_at"]}),
    ]
    readonly_fields = ["created_at"]

    @admin.display(description="Says")
    def says(self, notification: Notification) -> str:
        return notification.title or notification.text


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Each way of a message to a recipient; what was given up can be sent again from here."""

    list_display = [
        columns.moment("created_at", "Written"),
        "event",
        columns.choice("channel", "By"),
        "to",
        columns.chip("state", DELIVERY_STATES),
        columns.text("attempts"),
        columns.moment("delivered_at", "Delivered"),
        columns.text("error"),
    ]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("notification__event", ChoicesDropdownFilter),
    ]
    list_select_related = ["notification"]
    search_fields = ["name", "address", "notification__subject_key"]
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": ["notification", "channel", "name", "address", "subject", "body"]}),
        (
            "Delivery",
            {"fields": ["state", "due_at", "attempts", "sending_at", "delivered_at", "error"]},
        ),
        ("About", {"fields": ["provider_id", "recipient_key", "created_at"]}),
    ]
    readonly_fields = ["created_at"]
    actions = ["retry"]

    @admin.display(description="Event")
    def event(self, delivery: Delivery) -> str:
        return delivery.notification.get_event_display()

    @admin.display(description="To")
    def to(self, delivery: Delivery) -> str:
        return delivery.name or delivery.address or NOTHING

    @admin.action(description="Send the selected again", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = delivering.retry(delivery_ids=ids, now=timezone.now())
        skipped = len(ids) - count
        words = f"{count} will be sent again."
        if skipped:
            words += f" {skipped} were delivered or are on their way."
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.retry_delivery")


@admin.register(Template)
class TemplateAdmin(PortalAdmin):
    """The words of messages. An estate's own are added over the API, which knows its estates."""

    list_display = [
        columns.choice("event"),
        columns.choice("language"),
        "whose",
        columns.text("subject"),
        columns.moment("updated_at", "Changed"),
    ]
    list_filter = [("event", ChoicesDropdownFilter), ("language", ChoicesDropdownFilter)]
    search_fields = ["subject", "body"]
    ordering = ["event", "language", "id"]
    fieldsets = [
        (None, {"fields": ["event", "language", "subject", "body", "short"]}),
        (
            "How it reads",
            {"fields": ["placeholders", "subject_sample", "body_sample", "short_sample"]},
        ),
    ]
    readonly_fields = ["placeholders", "subject_sample", "body_sample", "short_sample"]

    @admin.display(description="For")
    def whose(self, template: Template) -> str:
        return "One estate" if template.scope else "Every estate"

    @admin.display(description="Placeholders")
    def placeholders(self, template: Template) -> str:
        known = placeholders.SAMPLES.get(template.event, {})
        return ", ".join(f"{{{name}}}" for name in known) or NOTHING

    @admin.display(description="Subject")
    def subject_sample(self, template: Template) -> str:
        return wording.sample(template).subject if template.event else NOTHING

    @admin.display(description="E-mail and app")
    def body_sample(self, template: Template) -> str:
        return wording.sample(template).body if template.event else NOTHING

    @admin.display(description="SMS and push")
    def short_sample(self, template: Template) -> str:
        return wording.sample(template).short if template.event else NOTHING

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_edit(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and bool(
            getattr(request.user, "is_super_admin", False)
        )


def _may_edit(request: HttpRequest, template: Any) -> bool:
    """Those of every estate are for super admins."""
    is_shared = template is None or template.scope is None
    return not is_shared or bool(getattr(request.user, "is_super_admin", False))
