"""Messages that were owed, and what became of them."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from notifications.models import Notification
from quantify.portal import columns
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.formats import NOTHING

STATES = {"due": "warning", "delivered": "success", "failed": "danger"}


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = [
        columns.moment("created_at", "Written"),
        columns.choice("event"),
        columns.choice("channel", "By"),
        "to",
        columns.chip("state", STATES),
        columns.text("attempts"),
        columns.moment("delivered_at", "Delivered"),
    ]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        ("event", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
    ]
    search_fields = ["address", "subject_key", "recipient__username"]
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (None, {"fields": ["event", "channel", "recipient", "address", "text"]}),
        ("Delivery", {"fields": ["state", "due_at", "attempts", "delivered_at", "error"]}),
        ("About", {"fields": ["subject_key", "once_key", "created_at"]}),
    ]
    readonly_fields = ["created_at"]

    @admin.display(description="To")
    def to(self, notification: Notification) -> str:
        return str(notification.recipient or notification.address or NOTHING)
