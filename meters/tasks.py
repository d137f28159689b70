"""The work of meters in the background; each task finds what there is to do."""

from datetime import datetime
from uuid import UUID

from celery import current_app, shared_task
from django.utils import timezone

from meters import partitions
from meters.alerts import rounds
from meters.collecting import collection
from meters.models.devices import Concentrator
from meters.radio import decoding, retention
from meters.vee import checking, cut_traces, neighbours, queue, standing
from quantify.crash_points import Point, reach


@shared_task
def collect_all(**_: object) -> None:
    """Start a round of every concentrator that is in use."""
    enabled = Concentrator.objects.alive().filter(is_enabled=True)
    for concentrator_id in enabled.order_by("last_contact_at").values_list("pk", flat=True):
        collect.delay(concentrator_id=str(concentrator_id))


@shared_task(soft_time_limit=280, time_limit=300)
def collect(
    *,
    concentrator_id: str,
    serial: str | None = None,
    start: str | None = None,
    end: str | None = None,
    **_: object,
) -> None:
    """
    Read out one concentrator, or a stretch of time (ISO 8601) anew from one meter or all.

    What is new is billed at once rather than at the next beat.
    """
    summary = collection.collect(
        concentrator_id=UUID(concentrator_id),
        now=timezone.now(),
        serial=serial,
        start=datetime.fromisoformat(start) if start else None,
        end=datetime.fromisoformat(end) if end else None,
    )
    reach(Point.READINGS_STORED)
    if summary.recorded.days:
        # By name: wallets lie above meters.
        current_app.send_task("wallets.tasks.bill")


@shared_task
def make_partitions(**_: object) -> None:
    """Make the partitions of the coming months before anything needs them."""
    partitions.ahead(timezone.now().date())


@shared_task
def raise_alerts(**_: object) -> None:
    """Raise, escalate and resolve alerts by what is known now."""
    rounds.run(now=timezone.now())


@shared_task
def check_meters(**_: object) -> None:
    """Check the days that are finished and the meters as they stand; wake what was snoozed."""
    now = timezone.now()
    if checking.run(now=now).days:
        neighbours.check(now=now)
    standing.check(now=now)
    cut_traces.check(now=now)
    queue.wake(now=now)


@shared_task
def read_uplinks(**_: object) -> None:
    """Read uplinks that were kept and not read, because something failed in between."""
    decoding.read_waiting()


@shared_task
def purge_uplinks(**_: object) -> None:
    """Delete raw uplinks that are past their retention."""
    retention.purge(now=timezone.now())
