"""Meters that hung in a home of a resident once: what they show now is not theirs to see."""

from collections.abc import Callable
from typing import Any, cast

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from meters.models import Meter
from quantify.api.views import Resource

OF_NOW = frozenset({
    "unit", "control_mode", "relay_state", "relay_read_at", "communication_status",
    "last_contact_at", "last_reading_at", "clock_drift_seconds",
})  # fmt: skip
"""What tells of the home in which a meter hangs now."""


def unless_past(name: str) -> Callable[[Any], Any]:
    """The value of a field of a meter, but nothing where it hung in the reader's home once."""
    return lambda meter: None if is_past(meter) else getattr(meter, name)


def is_past(meter: Any) -> bool:
    return bool(vars(meter).get("is_past"))


class PastMeters(Resource):
    """To residents, also the meters that hung in a home of theirs while they lived there."""

    def seen(self, rows: Any) -> Any:
        user = cast("User", self.request.user)
        if not user.is_resident or self.action not in ("list", "retrieve"):
            return super().seen(rows)
        present = Meter.objects.visible_to(user).filter(pk=OuterRef("pk"))
        return rows.of_any_stay(user).annotate(is_past=~Exists(present))

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        rows: QuerySet = super().filter_queryset(queryset)
        asked = self.request.query_params
        if "is_past" in rows.query.annotations and OF_NOW & {*asked, asked.get("sort")}:
            # Neither a filter nor an order may tell what the answer withholds.
            rows = rows.filter(is_past=False)
        return rows
