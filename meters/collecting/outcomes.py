"""Writing down what a round brought: readings, contact, clocks and relays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from meters import alerts, clocks, events, keys, readings
from meters.collecting import gaps
from meters.collecting.rounds import Visit
from meters.event_codes import CLOCK_SET, Log
from meters.events import RawEvent
from meters.keys import Shown
from meters.models.devices import CommunicationStatus, Concentrator
from meters.readings import Recorded
from meters.relays import relay_state
from meters.vee import limits
from meters.vee.validation import PARAMETERS

READINGS_AT_ONCE = 250_000
OUR_CLOCK = (
    "Most meters' clocks differ from this server's by more than a minute, so none was set: "
    "check the server's clock."
)


@dataclass(slots=True)
class Summary:
    """
    What a round brought.

    ``heard`` are meters that answered, ``failures`` says by serial what went wrong with the
    others; ``resting`` were left alone for a while, having failed before. ``is_skipped``: another
    round of the same concentrator was under way.
    """

    concentrator: str
    asked: int = 0
    heard: int = 0
    resting: int = 0
    clocks_set: int = 0
    events: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=Recorded)
    seconds: float = 0.0
    is_skipped: bool = False
    drifts: list[int | None] = field(default_factory=list)


def write(
    concentrator: Concentrator,
    visited: list[Visit],
    unreachable: dict[str, str],
    summary: Summary,
    now: datetime,
) -> None:
    """Record the readings, then what the round told about meters and concentrator."""
    summary.asked = len(visited) + len(unreachable)
    summary.drifts = [visit.drift for visit in visited if visit.heard]
    summary.heard = sum(visit.heard for visit in visited)
    summary.clocks_set = sum(visit.clock_was_set for visit in visited)
    told = {visit.target.serial: visit.error for visit in visited if visit.error}
    summary.failures = unreachable | told
    limit = limits.of_estate(concentrator.estate_id)["clock_drift.seconds"]
    if not clocks.are_doubtful(summary.drifts):
        _doubt_wrong_clocks(visited, limit)
    summary.recorded = _record(visited, now)
    gaps.note_asked(
        ((visit.target.meter_id, asked) for visit in visited for asked in visit.asked_again), now
    )
    summary.events = events.record(_events(visited))
    keys.note(_shown(visited), now=now)
    with transaction.atomic():
        _mark_meters([visit for visit in visited if visit.heard], now)
        if summary.heard:
            # Where nobody answers, it is not the meters that are silent.
            _mark_silent([visit for visit in visited if visit.tried and not visit.heard], now)
        _tell_of_others(visited, now)
        if concentrator.keeps_clocks and not clocks.are_doubtful(summary.drifts):
            _tell_of_clocks(visited, now)
        _mark_concentrator(concentrator, summary, now)


def _doubt_wrong_clocks(visited: list[Visit], limit: Decimal) -> None:
    """
    Note with readings that their meter's clock was wrong at the visit; they will not count.

    Since when it was cannot be told. The totals around them are exact, their shape is estimated.
    """
    for visit in visited:
        if visit.drift is not None and clocks.is_grave(visit.drift, limit):
            visit.readings = [
                one._replace(status=one.status | PARAMETERS.clock_is_off) for one in visit.readings
            ]


def _record(visited: list[Visit], now: datetime) -> Recorded:
    """Record all meters together; only a long backfill takes several transactions."""
    total = Recorded()
    waiting: list[readings.RawReading] = []
    for visit in visited:
        waiting += visit.readings
        if len(waiting) >= READINGS_AT_ONCE:
            total += readings.record(waiting, received_at=now)
            waiting = []
    return total + readings.record(waiting, received_at=now)


def _mark_meters(heard: list[Visit], now: datetime) -> None:
    """Note contact, clock and relay of all meters that answered, in one statement."""
    if not heard:
        return
    heard = sorted(heard, key=lambda visit: visit.target.meter_id)
    meters = [visit.target.meter_id for visit in heard]
    relays = [visit.relay for visit in heard]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM meters_meter WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [meters]
        )
        cursor.execute(
            _MARK_METERS,
            {
                "meters": meters,
                "drifts": [visit.drift for visit in heard],
                "relays": [relay and relay_state(relay) for relay in relays],
                "modes": [relay and relay.control_mode for relay in relays],
                "read_at": [visit.relay_read_at for visit in heard],
                "listened": [visit.events_read for visit in heard],
                "now": now,
            },
        )
    alerts.resolve(meter_ids=meters, kind=alerts.Kind.COMMUNICATION_LOSS, now=now)


# What a command read back since the visit must not be undone by what was seen before it.
_MARK_METERS = """
UPDATE meters_meter m SET
    last_contact_at = greatest(m.last_contact_at, %(now)s), communication_status = 'online',
    visits_failed = 0, visit_after = NULL,
    events_read_at = CASE WHEN told.listened THEN %(now)s ELSE m.events_read_at END,
    clock_drift_seconds = coalesce(told.drift, m.clock_drift_seconds),
    relay_state = CASE WHEN told.is_news THEN told.relay ELSE m.relay_state END,
    control_mode = CASE WHEN told.is_news THEN told.mode ELSE m.control_mode END,
    relay_read_at = CASE WHEN told.is_news THEN told.read_at ELSE m.relay_read_at END
FROM (
    SELECT said.*, said.relay IS NOT NULL
        AND (known.relay_read_at IS NULL OR known.relay_read_at < said.read_at) AS is_news
    FROM unnest(%(meters)s::uuid[], %(drifts)s::integer[], %(relays)s::text[],
                %(modes)s::smallint[], %(read_at)s::timestamptz[], %(listened)s::boolean[])
        AS said (id, drift, relay, mode, read_at, listened)
    JOIN meters_meter known ON known.id = said.id
) AS told
WHERE m.id = told.id
"""


def _shown(visited: list[Visit]) -> Iterator[Shown]:
    """What meters with a password or keys made of them."""
    for visit in visited:
        if visit.heard or visit.refused:
            yield Shown(
                visit.target.meter_id, visit.credentials, visit.refused, visit.counter_heard
            )


def _events(visited: list[Visit]) -> Iterator[RawEvent]:
    """What the meters wrote in their logs, and that we set their clocks."""
    for visit in visited:
        yield from visit.events
        if visit.clock_was_set and visit.clock_set_at is not None:
            drift = visit.drift
            told = "It showed no time." if drift is None else f"It was {drift:+d} s off."
            at = visit.clock_set_at.replace(microsecond=0)
            yield RawEvent(visit.target.meter_id, Log.SYSTEM, at, CLOCK_SET, told)


def _tell_of_others(visited: list[Visit], now: datetime) -> None:
    """At a meter's address another one answers: the readings of one of them go astray."""
    alerts.raise_all(
        (
            alerts.Notice(
                visit.target.meter_id,
                alerts.Kind.METER_FAULT,
                alerts.Severity.ERROR,
                f"{visit.error}. Nothing of it is kept: correct the address of the meter.",
            )
            for visit in visited
            if visit.is_another
        ),
        now=now,
    )


def _tell_of_clocks(visited: list[Visit], now: datetime) -> None:
    """A clock without a time; one that is wrong is a finding of the checks."""
    heard = [visit for visit in visited if visit.heard]
    alerts.raise_all(
        (
            alerts.Notice(
                visit.target.meter_id, alerts.Kind.CLOCK, alerts.Severity.WARNING,
                "The meter's clock shows no time.",
            )
            for visit in heard
            if visit.drift is None
        ),
        now=now,
    )  # fmt: skip
    right = [visit.target.meter_id for visit in heard if visit.drift is not None]
    alerts.resolve(meter_ids=right, kind=alerts.Kind.CLOCK, now=now, source=alerts.Source.METER)


def _mark_silent(silent: list[Visit], now: datetime) -> None:
    """Let meters that did not answer rest for longer each time, from the second time on."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK_SILENT, {"now": now, "meters": [v.target.meter_id for v in silent]})


# A little less than whole rounds, for the beat does not tick to the second.
_MARK_SILENT = """
UPDATE meters_meter m SET
    visits_failed = least(m.visits_failed + 1, 1000),
    visit_after = CASE WHEN m.visits_failed > 0 THEN %(now)s + least(
        interval '14 minutes' * power(2, least(m.visits_failed - 1, 5)), interval '6 hours') END
FROM (SELECT id FROM meters_meter WHERE id = ANY(%(meters)s) ORDER BY id FOR NO KEY UPDATE)
    AS locked
WHERE m.id = locked.id
"""


def _mark_concentrator(concentrator: Concentrator, summary: Summary, now: datetime) -> None:
    status, error = CommunicationStatus.ONLINE, ""
    if summary.failures and not summary.heard:
        status = CommunicationStatus.OFFLINE
    if concentrator.keeps_clocks and clocks.are_doubtful(summary.drifts):
        error = OUR_CLOCK
    elif summary.failures:
        serial, reason = next(iter(summary.failures.items()))
        error = f"{len(summary.failures)} of {summary.asked} meters failed; {serial}: {reason}"
    concentrator.communication_status = status
    concentrator.last_error = error[:250]
    if summary.heard:
        concentrator.last_contact_at = now
    Concentrator.objects.filter(pk=concentrator.pk).update(
        communication_status=status,
        last_error=concentrator.last_error,
        last_contact_at=concentrator.last_contact_at,
    )
