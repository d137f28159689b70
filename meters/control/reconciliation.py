"""
Setting all relays against how they should stand, every quarter of an hour.

By itself it acts towards connected only: an unfinished reconnection is asked for again, a relay
that is not known is read. What somebody else switched is an alert, and a person decides.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from meters import alerts
from meters.alerts import Notice, life
from meters.control import requests
from meters.control.drift import Drift, assess, standings
from meters.models.alerts import MeterAlert
from meters.models.control import Command
from meters.models.drift import RelayDrift

log = logging.getLogger(__name__)

Kind, Remedy = RelayDrift.Kind, RelayDrift.Remedy

ALERTS = {
    Kind.SWITCHED_ON: (alerts.Kind.TAMPER_DETECTED, alerts.Severity.ERROR),
    Kind.SWITCHED_OFF: (alerts.Kind.DISCONNECTION, alerts.Severity.ERROR),
}
ACTIONS = {
    Remedy.RECONNECT: Command.Action.RECONNECT,
    Remedy.READ: Command.Action.READ,
}


@dataclass(slots=True)
class Outcome:
    """What stands wrong, how much of it is new, what is right again, and what was asked for."""

    drifts: list[Drift] = field(default_factory=list)
    begun: int = 0
    ended: int = 0
    requested: list[Command] = field(default_factory=list)


def find(*, now: datetime, meter_ids: list[UUID] | None = None) -> list[Drift]:
    """The relays that stand wrong or are not known; changes nothing."""
    assessed = (assess(relay, now=now) for relay in standings(meter_ids))
    return [drift for drift in assessed if drift is not None]


def reconcile(*, now: datetime) -> Outcome:
    """Keep the list of drift, tell of what is new, and ask for what may be done about it."""
    outcome = Outcome(drifts=find(now=now))
    _keep(outcome, now)
    for drift in outcome.drifts:
        if command := _ask(drift, now):
            outcome.requested.append(command)
    return outcome


@transaction.atomic
def _keep(outcome: Outcome, now: datetime) -> None:
    known = {
        row.meter_id: row
        for row in RelayDrift.objects.standing().select_for_update(of=("self",)).order_by("pk")
    }
    found = {drift.meter_id: drift for drift in outcome.drifts}
    lasting = {
        meter_id for meter_id, row in known.items()
        if meter_id in found and found[meter_id].kind == row.kind
    }  # fmt: skip
    over = [row for meter_id, row in known.items() if meter_id not in lasting]
    new = [drift for drift in outcome.drifts if drift.meter_id not in lasting]
    _end(over, now)
    RelayDrift.objects.bulk_create([_row(drift, now) for drift in new])
    for meter_id in lasting:
        _see_again(known[meter_id], found[meter_id], now)
    alerts.raise_all(_notices(new), now=now)
    outcome.begun, outcome.ended = len(new), len(over)


def _row(drift: Drift, now: datetime) -> RelayDrift:
    return RelayDrift(
        meter_id=drift.meter_id,
        kind=drift.kind,
        wanted=drift.wanted,
        stands=drift.stands,
        says=drift.says,
        remedy=drift.remedy,
        since=now,
        seen_at=now,
    )


def _see_again(row: RelayDrift, drift: Drift, now: datetime) -> None:
    row.wanted, row.stands, row.remedy, row.seen_at = drift.wanted, drift.stands, drift.remedy, now
    row.save(update_fields=["wanted", "stands", "remedy", "seen_at", "updated_at"])


def _end(over: Sequence[RelayDrift], now: datetime) -> None:
    RelayDrift.objects.filter(pk__in=[row.pk for row in over]).update(ended_at=now, updated_at=now)
    # Only the alerts that were raised for it: another cause may have raised one of the same kind.
    said = MeterAlert.objects.unresolved().filter(
        meter__in=[row.meter_id for row in over],
        source=alerts.Source.RELAY,
        kind__in=[kind for kind, _ in ALERTS.values()],
        message__in=[row.says for row in over],
        events=None,
    )
    life.end(said, now=now)


def _notices(new: Sequence[Drift]) -> list[Notice]:
    return [
        Notice(drift.meter_id, *ALERTS[drift.kind], drift.says, alerts.Source.RELAY)
        for drift in new
        if drift.kind in ALERTS
    ]


def _ask(drift: Drift, now: datetime) -> Command | None:
    action = ACTIONS.get(drift.remedy)
    if action is None:
        return None
    try:
        return requests.ask(
            meter_id=drift.meter_id,
            action=action,
            reason=drift.says,
            cause=Command.Cause.RECONCILIATION,
            trace=[],
            requested_by=None,
            now=now,
        )
    except (requests.CommandOpen, requests.NoRelay) as error:
        log.info("Nothing is asked of meter %s: %s", drift.meter_id, error)
        return None
