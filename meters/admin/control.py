"""Orders that were given to meters."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from meters.models import Command, Downlink, DownlinkEvent
from quantify.portal import columns, formats
from quantify.portal.base import ReadOnlyAdmin
from quantify.portal.filters import EstateFilter

COMMAND_STATE = {
    "blocked": "warning", "queued": "info", "sent": "info", "acknowledged": "info",
    "unknown": "warning", "retrying": "warning", "verified": "success", "expired": "muted",
    "superseded": "muted", "dead": "danger",
}  # fmt: skip
ACTION = {"disconnect": "danger", "reconnect": "success", "read": "info"}


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = [
        columns.text("meter.serial", "Meter"),
        columns.text("meter.estate.code", "Estate"),
        columns.chip("action", ACTION),
        columns.chip("state", COMMAND_STATE),
        columns.choice("cause"),
        columns.text("reason"),
        columns.moment("requested_at", "Requested"),
        columns.moment("verified_at", "Verified"),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("state", ChoicesDropdownFilter),
        ("action", ChoicesDropdownFilter),
        ("cause", ChoicesDropdownFilter),
    ]
    search_fields = ["meter__serial", "reason"]
    ordering = ["-requested_at", "-id"]
    readonly_fields = ["policy_trace", "log", "queue"]
    fieldsets = [
        (None, {"fields": ["meter", "action", "state", "outcome"]}),
        ("Why", {"fields": ["cause", "reason", "requested_by", "policy_trace"]}),
        (
            "Life",
            {
                "fields": [
                    "requested_at",
                    "due_at",
                    "expires_at",
                    "attempts",
                    "sent_at",
                    "acknowledged_at",
                    "verified_at",
                ]
            },
        ),
        ("Log", {"fields": ["log"]}),
        ("Through the queue of the LoRaWAN device", {"fields": ["queue"]}),
    ]

    @admin.display(description="Policy trace")
    def policy_trace(self, command: Command) -> object:
        """The reasons of the decision, in order."""
        return _checks(command.trace)

    @admin.display(description="Log")
    def log(self, command: Command) -> object:
        """Each step of its life, with what the guards saw at it."""
        rows = [
            (formats.moment(step.at), step.get_state_display(), step.attempt or formats.NOTHING,
             step.outcome or formats.NOTHING, _checks(step.checks))
            for step in command.steps.order_by("pk")
        ]  # fmt: skip
        row = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html(
            '<table class="q-table"><thead><tr><th>When</th><th>State</th><th>Attempt</th>'
            "<th>Outcome</th><th>What the guards saw</th></tr></thead><tbody>{}</tbody></table>",
            format_html_join("", row, rows),
        )

    @admin.display(description="Orders")
    def queue(self, command: Command) -> object:
        """What was put into the device's queue for it, and what the network told of that."""
        rows = [
            (formats.moment(one.created_at), one.queue_item or formats.NOTHING,
             bytes(one.payload).hex(" "), _became(one))
            for one in command.downlinks.order_by("pk")
        ]  # fmt: skip
        if not rows:
            return formats.NOTHING
        row = "<tr><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td></tr>"
        return format_html(
            '<table class="q-table"><thead><tr><th>Written</th><th>Item of the queue</th>'
            "<th>Payload</th><th>What became of it</th></tr></thead><tbody>{}</tbody></table>",
            format_html_join("", row, rows),
        )

    def title_of(self, obj: Command) -> str:
        return f"{obj.get_action_display()} {obj.meter.serial}"


def _became(downlink: Downlink) -> object:
    """All that is known of an item, with the network's own times."""
    told = [
        (one.get_kind_display(), formats.moment(one.at))
        for one in DownlinkEvent.objects.filter(
            device=downlink.device_id, queue_item=downlink.queue_item or None
        ).order_by("at", "pk")
    ]
    if downlink.taken_out_at:
        told.append(("Taken out of the queue", formats.moment(downlink.taken_out_at)))
    elif downlink.gone_after and not told:
        told.append(("Left the queue, last heard before", formats.moment(downlink.gone_after)))
    if not told:
        return "Nothing was told of it yet"
    return format_html_join(mark_safe("<br>"), "{} {}", told)


def _checks(trace: list[dict[str, Any]]) -> object:
    if not trace:
        return formats.NOTHING
    rows = (
        (step["check"], "passed" if step["passed"] else "REFUSED", step["says"]) for step in trace
    )
    row = '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>'
    return format_html(
        '<table class="q-table"><tbody>{}</tbody></table>', format_html_join("", row, rows)
    )
