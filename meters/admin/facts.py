"""What meters reported, and what follows from it: shown, never edited."""

from django.contrib import admin
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
)

from meters.admin.importing import ImportingMixin
from meters.models import DailyConsumption, Interval, MeterEvent, Reading, ReadingConflict
from quantify.portal import columns, formats
from quantify.portal.base import ReadOnlyAdmin, SeriesAdmin
from quantify.portal.filters import EstateFilter

SOURCE = {"automatic": "success", "manual": "info", "estimated": "warning"}
QUALITY = {"actual": "success", "estimated": "warning"}
METER = columns.text("meter.serial", "Meter")
CHANNEL = columns.choice("channel")


@admin.register(Reading)
class ReadingAdmin(ImportingMixin, SeriesAdmin):
    actions_list = ["import_file"]
    list_display = [
        METER,
        CHANNEL,
        columns.moment("taken_at", "Taken at"),
        columns.quantity("value"),
        columns.chip("source", SOURCE),
        columns.flag("is_valid", "Checks", yes=("Passed", "success"), no=("Failed", "danger")),
        "broken",
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("channel", ChoicesDropdownFilter),
        ("source", ChoicesDropdownFilter),
        "is_valid",
        ("taken_at", RangeDateTimeFilter),
    ]
    search_fields = ["meter__serial"]
    search_help_text = "Meter serial"
    # The key of the table read backwards: the newest of each meter first, without sorting.
    ordering = ["-meter_id", "-channel", "-taken_at"]

    @admin.display(description="Rules broken")
    def broken(self, reading: Reading) -> str:
        return ", ".join(name.replace("_", " ") for name in reading.rule_names) or formats.NOTHING


@admin.register(Interval)
class IntervalAdmin(SeriesAdmin):
    list_display = [
        METER,
        CHANNEL,
        columns.moment("start", "From"),
        columns.quantity("quantity", "Used in 15 minutes"),
        columns.chip("quality", QUALITY),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("channel", ChoicesDropdownFilter),
        ("quality", ChoicesDropdownFilter),
        ("start", RangeDateTimeFilter),
    ]
    search_fields = ["meter__serial"]
    search_help_text = "Meter serial"
    ordering = ["-meter_id", "-channel", "-start"]


@admin.register(DailyConsumption)
class DailyConsumptionAdmin(SeriesAdmin):
    list_display = [
        METER,
        CHANNEL,
        columns.text("day"),
        columns.quantity("quantity", "Used"),
        columns.quantity("estimated", "Of it estimated"),
        columns.text("intervals"),
        columns.text("revision"),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("channel", ChoicesDropdownFilter),
        ("day", RangeDateFilter),
    ]
    search_fields = ["meter__serial"]
    search_help_text = "Meter serial"
    ordering = ["-meter_id", "-channel", "-day"]


@admin.register(MeterEvent)
class MeterEventAdmin(ReadOnlyAdmin):
    list_display = [
        METER,
        columns.moment("occurred_at", "When"),
        columns.choice("log"),
        columns.text("words", "What", order="code"),
        columns.text("code"),
        columns.text("detail"),
    ]
    list_filter = [
        ("meter__estate", EstateFilter),
        ("log", ChoicesDropdownFilter),
        ("occurred_at", RangeDateTimeFilter),
    ]
    search_fields = ["meter__serial"]
    search_help_text = "Meter serial"
    ordering = ["-occurred_at", "-id"]
    fields = ["meter", "log", "occurred_at", "code", "words", "detail", "created_at"]
    readonly_fields = ["words", "created_at"]

    def title_of(self, obj: MeterEvent) -> str:
        return f"{obj.meter.serial}: {obj.words}"


@admin.register(ReadingConflict)
class ReadingConflictAdmin(ReadOnlyAdmin):
    list_display = [
        METER,
        CHANNEL,
        columns.moment("taken_at", "For"),
        columns.quantity("value", "Second value"),
        columns.chip("source", SOURCE),
        columns.moment("created_at", "Came"),
    ]
    list_filter = [("meter__estate", EstateFilter), ("source", ChoicesDropdownFilter)]
    search_fields = ["meter__serial"]
    ordering = ["-created_at", "-id"]
    readonly_fields = [columns.quantity("value", "Second value"), "created_at"]
    fields = ["meter", "channel", "taken_at", *readonly_fields[:1], "source", "created_at"]

    def title_of(self, obj: ReadingConflict) -> str:
        return f"{obj.meter.serial} at {obj.taken_at:%Y-%m-%d %H:%M}"
