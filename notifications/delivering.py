"""
Delivering what is owed, by any number of workers.

A delivery is claimed, and that is committed, before it leaves: no two workers send it, and a crash
does not make it due again unseen. What became of one that was leaving at a crash cannot be known;
legal notices go again under the same id, others wait for a person as `uncertain`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef

from notifications import channels, devices
from notifications.channels import NotConfigured, Parcel, Refused, Unavailable
from notifications.models import Delivery, Notification
from notifications.recipients import MANDATORY
from quantify.crash_points import Point, reach

State = Delivery.State
AT_ONCE = 200
ATTEMPTS = 7
FIRST_PAUSE = timedelta(seconds=30)
"""Doubled twice at each failure: 30 s, 2 min, 8 min, half an hour, two hours, eight hours."""
LEFT_BEHIND = timedelta(minutes=10)
"""Longer than a task may live: who claimed it is gone."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far delivering is behind: what is due, since when, and what was given up or is unsure."""

    due: int
    oldest_seconds: int
    dead: int
    uncertain: int


def deliver_due(*, now: datetime) -> int:
    """Deliver what is due, each once even when two workers do it; how many messages are through."""
    _take_up_what_was_left(now)
    for _ in range(AT_ONCE):
        claimed = _claim(now)
        if claimed is None:
            break
        _send(claimed, now)
    return _finish(now)


def retry(*, delivery_ids: Sequence[UUID], now: datetime) -> int:
    """
    Let a person send again what was given up, is uncertain or had no provider; how many.

    Attempts are counted anew; the id under which it goes stays.
    """
    given_up = (State.DEAD, State.UNCERTAIN, State.NOT_CONFIGURED)
    rows = Delivery.objects.filter(pk__in=delivery_ids, state__in=given_up)
    return rows.update(state=State.DUE, due_at=now, attempts=0, error="", updated_at=now)


def lag(*, now: datetime) -> Lag:
    """How far delivering is behind."""
    due = Delivery.objects.filter(state=State.DUE, due_at__lte=now)
    oldest = due.aggregate(oldest=Min("due_at"))["oldest"]
    return Lag(
        due.count(),
        int((now - oldest).total_seconds()) if oldest else 0,
        Delivery.objects.filter(state=State.DEAD).count(),
        Delivery.objects.filter(state=State.UNCERTAIN).count(),
    )


def pause(delivery_id: UUID, attempts: int) -> timedelta:
    """
    How long to wait after so many failures: four times as long each time, up to a fifth more.

    What is added differs from delivery to delivery, so that a provider that comes back is not run
    over by all of them at once.
    """
    share = (delivery_id.int + attempts * 7919) % 1000 / 5000
    factor: int = 4 ** (attempts - 1)
    return FIRST_PAUSE * factor * (1 + share)


def _take_up_what_was_left(now: datetime) -> None:
    left = Delivery.objects.filter(state=State.SENDING, sending_at__lt=now - LEFT_BEHIND)
    words = "A worker stopped while it was sent."
    again = left.filter(notification__event__in=MANDATORY, attempts__lt=ATTEMPTS)
    again.update(state=State.DUE, due_at=now, error=words, updated_at=now)
    left.update(state=State.UNCERTAIN, error=words, updated_at=now)


@transaction.atomic
def _claim(now: datetime) -> Delivery | None:
    due = Delivery.objects.filter(state=State.DUE, due_at__lte=now).order_by("due_at", "pk")
    row = due.select_for_update(skip_locked=True, of=("self",)).first()
    if row is None:
        return None
    reach(Point.MESSAGE_CLAIMED)
    row.state, row.sending_at, row.attempts = State.SENDING, now, row.attempts + 1
    row.save(update_fields=["state", "sending_at", "attempts", "updated_at"])
    return row


def _send(delivery: Delivery, now: datetime) -> None:
    reach(Point.MESSAGE_LEAVING)
    if delivery.channel == Delivery.Channel.PUSH and not devices.has_device(delivery):
        _mark(delivery, State.DEAD, error="The device is no longer registered for the person.")
        return
    try:
        known_as = channels.adapter(delivery.channel).send(_parcel(delivery))
    except NotConfigured as error:
        _mark(delivery, State.NOT_CONFIGURED, error=str(error))
    except Refused as error:
        _mark(delivery, State.DEAD, error=str(error))
    except Unavailable as error:
        _put_off(delivery, now, str(error))
    else:
        reach(Point.MESSAGE_SENT)
        _mark(delivery, State.DELIVERED, provider_id=known_as[:250], delivered_at=now, error="")


def _parcel(delivery: Delivery) -> Parcel:
    return Parcel(
        id=str(delivery.pk), address=delivery.address, name=delivery.name,
        subject=delivery.subject, body=delivery.body,
    )  # fmt: skip


def _put_off(delivery: Delivery, now: datetime, error: str) -> None:
    if delivery.attempts >= ATTEMPTS:
        _mark(delivery, State.DEAD, error=error)
    else:
        due_at = now + pause(delivery.pk, delivery.attempts)
        _mark(delivery, State.DUE, due_at=due_at, error=error)


def _mark(delivery: Delivery, state: str, **fields: object) -> None:
    error = str(fields.pop("error", ""))[:250]
    Delivery.objects.filter(pk=delivery.pk, state=State.SENDING).update(
        state=state, error=error, updated_at=F("sending_at"), **fields
    )


def _finish(now: datetime) -> int:
    """Messages of which nothing is on its way any more are delivered."""
    on_their_way = Delivery.objects.open().filter(notification=OuterRef("pk"))
    due = Notification.objects.filter(state=Notification.State.DUE, due_at__lte=now)
    return due.filter(~Exists(on_their_way)).update(
        state=Notification.State.DELIVERED, delivered_at=now, updated_at=now
    )
