"""
Alerts that follow what the checks of readings found: raised, worded and resolved with it.

One direction only: the checks find, alerts follow. What is no reason for anybody to go somewhere
or to know of it today stays an exception alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from meters.alerts import life
from meters.alerts.life import Notice
from meters.models.alerts import MeterAlert
from quantify.quantities import format_kilo

Kind, Severity = MeterAlert.Kind, MeterAlert.Severity
CHECKS = MeterAlert.Source.CHECKS
QUARTERS_A_DAY, QUARTERS_AN_HOUR = 96, 4
OF_A_DAY = ("while_disconnected", "bypass", "swapped")
"""Checks whose quantity is that of one day."""

FOLLOWED: Mapping[str, tuple[MeterAlert.Kind, MeterAlert.Severity]] = {
    "swapped": (Kind.SWAPPED_METERS, Severity.ERROR),
    "leak": (Kind.LEAK, Severity.WARNING),
    "while_disconnected": (Kind.BYPASS, Severity.ERROR),
    "bypass": (Kind.BYPASS, Severity.ERROR),
    "physical_maximum": (Kind.ABNORMAL_USAGE, Severity.WARNING),
    "negative_step": (Kind.METER_FAULT, Severity.ERROR),
    "clock_drift": (Kind.CLOCK, Severity.WARNING),
    "prolonged_estimation": (Kind.ESTIMATION, Severity.WARNING),
}
"""Which checks raise which alert; the worse of two of one kind comes first."""


class Standing(NamedTuple):
    """A finding that is not closed, where its meter hangs, and what it usually counts a day."""

    meter_id: UUID
    rule: str
    says: str
    quantity: int | None
    starts_at: datetime
    ends_at: datetime
    place: str
    usual: int | None


@transaction.atomic
def follow(*, now: datetime) -> int:
    """Bring the alerts in line with the findings that stand; returns how many those are."""
    found = _standing()
    notices = list(_notices(found))
    life.raise_all(notices, now=now)
    wanted = {(one.subject, one.kind) for one in notices}
    told = MeterAlert.objects.unresolved().filter(source=CHECKS)
    over = [
        pk for pk, subject, kind in told.values_list("pk", "subject", "kind")
        if (subject, kind) not in wanted
    ]  # fmt: skip
    if over:
        life.end(MeterAlert.objects.unresolved().filter(pk__in=over), now=now)
    return len(found)


def _notices(found: Sequence[Standing]) -> Iterator[Notice]:
    order = list(FOLLOWED)
    swapped = {one.meter_id for one in found if one.rule == "swapped"}
    for one in sorted(found, key=lambda one: order.index(one.rule)):
        if one.rule == "while_disconnected" and one.meter_id in swapped:
            # What was used past the relay is explained: it is the other home's.
            continue
        kind, severity = FOLLOWED[one.rule]
        yield Notice(
            subject=one.meter_id,
            kind=kind,
            severity=severity,
            message=f"{kind.label} at {one.place}: {words(one)}",
            source=CHECKS,
            since=one.starts_at,
            evidence=(one.says,),
            daily_quantity=daily(one),
        )


def words(one: Standing) -> str:
    """What is the matter, as a manager would say it."""
    if one.rule == "leak" and one.quantity:
        nights = (one.ends_at - one.starts_at) // timedelta(days=1) + 1
        return f"about {one.quantity * QUARTERS_AN_HOUR} litres an hour for {nights} nights."
    if one.rule == "swapped":
        return one.says
    if one.rule == "while_disconnected" and one.quantity:
        return f"{format_kilo(one.quantity)} kWh was used while the relay was open."
    return one.says[:1].lower() + one.says[1:]


def daily(one: Standing) -> int | None:
    """
    The Wh or litres a day that a finding is about, as far as that is known.

    A leak runs at least as it did in the quietest quarter; a meter that is not read goes on as in
    the four weeks before; what was used while disconnected is of one day; of two swapped meters
    one pays for as much of the other as they differ.
    """
    if one.rule == "leak" and one.quantity:
        return one.quantity * QUARTERS_A_DAY
    if one.rule == "prolonged_estimation":
        return one.usual
    return one.quantity if one.rule in OF_A_DAY else None


def _standing() -> list[Standing]:
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"rules": list(FOLLOWED)})
        return [Standing(*row) for row in _rows(cursor)]


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# A finding that is snoozed stands: the leak runs on while somebody waits for the plumber.
_STANDING = """
SELECT f.meter_id, f.rule, f.says, f.quantity, f.starts_at, f.ends_at,
    coalesce(unit.unit_number, m.serial), usual.quantity
FROM meters_finding f
JOIN meters_meter m ON m.id = f.meter_id
LEFT JOIN meters_installation hangs ON hangs.meter_id = m.id AND hangs.ends_at IS NULL
LEFT JOIN units_unit unit ON unit.id = hangs.unit_id
LEFT JOIN LATERAL (
    SELECT round(avg(d.quantity))::bigint AS quantity FROM meters_dailyconsumption d
    WHERE f.rule = 'prolonged_estimation' AND d.meter_id = f.meter_id AND d.channel = f.channel
      AND d.day >= f.starts_at::date - 28 AND d.day < f.starts_at::date AND d.estimated = 0
) AS usual ON true
WHERE f.state <> 'closed' AND f.rule = ANY (%(rules)s) AND m.deleted_at IS NULL
ORDER BY f.meter_id, f.rule, f.starts_at DESC
"""
