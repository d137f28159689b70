"""Making the demonstration, or finishing what was interrupted."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Min

from estates.models import Estate
from meters.models import Installation, Reading
from quantify.demo import history, setup
from quantify.demo.fleets import fleet
from quantify.demo.stories import BEHIND, HISTORY, STORIES, Story
from quantify.periods import floor_to_interval, local_day
from rates import catalogue
from wallets.models import Bill

type Say = Callable[[str], object]


class DatabaseNotEmpty(Exception):
    """The database holds estates that are not the demonstration's."""


def seed(*, now: datetime, say: Say) -> None:
    """
    Make the demonstration in an empty database; where it stands already, nothing changes.

    :raises DatabaseNotEmpty: if the database holds other estates.
    """
    codes = {story.code for story in STORIES}
    if others := list(Estate.objects.exclude(code__in=codes).values_list("code", flat=True)[:3]):
        raise DatabaseNotEmpty(
            f"The database holds other estates ({', '.join(others)}). "
            "Give the demonstration an empty one: set DATABASE_URL."
        )
    epoch = _epoch() or floor_to_interval(now) - BEHIND - HISTORY
    catalogue.load()
    for story in STORIES:
        _prepare(story, epoch)
    setup.sign_ins()
    if _is_lived(epoch):
        say("The demonstration is there.")
        return
    _live(epoch, now=now, say=say)


def simulators() -> Path:
    """The folder where the simulated concentrators find their fleets."""
    folder: Path = settings.SIMULATORS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def port_of(story: Story) -> int:
    return int(settings.SIMULATOR_PORT) + story.port_offset


def _prepare(story: Story, epoch: datetime) -> None:
    plan = fleet(story, epoch)
    plan.dump(simulators() / f"{story.code}.json")
    if not Estate.objects.filter(code=story.code).exists():
        setup.estate(story, plan, port=port_of(story))


def _epoch() -> datetime | None:
    """When the history begins, if an earlier attempt has settled it."""
    begun: datetime | None = Installation.objects.aggregate(first=Min("starts_at"))["first"]
    return begun


def _is_lived(epoch: datetime) -> bool:
    return Bill.objects.filter(priced_to__gt=local_day(epoch + HISTORY)).exists()


def _live(epoch: datetime, *, now: datetime, say: Say) -> None:
    for story in STORIES:
        recorded = history.meter(Estate.objects.get(code=story.code), fleet(story, epoch), now=now)
        say(f"{story.name}: {recorded.created:,} readings, {recorded.intervals:,} intervals.")
    say("Billing each day of the last 90 ...")
    history.live(STORIES, epoch, say=say)
    say(f"{Reading.objects.count():,} readings are kept.")
