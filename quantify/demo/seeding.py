"""Making the demonstration, or finishing what was interrupted."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Min

from estates.models import Estate
from meters.models import Installation, Reading
from quantify.demo import history, prices, radio, setup
from quantify.demo.fleets import fleet
from quantify.demo.stories import HISTORY, STORIES, Past, Story
from quantify.periods import local_day
from rates import catalogue
from wallets.models import Bill

type Say = Callable[[str], object]


class DatabaseNotEmpty(Exception):
    """The database holds estates that are not the demonstration's."""


def seed(
    *,
    now: datetime,
    say: Say,
    stories: Sequence[Story] = STORIES,
    length: timedelta = HISTORY,
) -> None:
    """
    Make the demonstration in an empty database; where it stands already, nothing changes.

    :raises DatabaseNotEmpty: if the database holds other estates.
    """
    codes = {story.code for story in stories}
    if others := list(Estate.objects.exclude(code__in=codes).values_list("code", flat=True)[:3]):
        raise DatabaseNotEmpty(
            f"The database holds other estates ({', '.join(others)}). "
            "Give the demonstration an empty one: set DATABASE_URL."
        )
    begun = _begun()
    past = Past(begun, begun + length) if begun else Past.before(now, length)
    catalogue.load()
    for story in stories:
        _prepare(story, past)
    setup.sign_ins(works_for=stories[0])
    for story in stories:
        setup.resident_sign_in(story, at=now)
    if _is_lived(past):
        say("The demonstration is there.")
    else:
        _live(stories, past, now=now, say=say)


def simulators() -> Path:
    """The folder where the simulated concentrators find their fleets."""
    folder: Path = settings.SIMULATORS
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _prepare(story: Story, past: Past) -> None:
    plan, path = fleet(story, past), simulators() / f"{story.code}.json"
    plan.dump(path)
    if not Estate.objects.filter(code=story.code).exists():
        # What an earlier demonstration's relays did is not this one's past.
        path.with_suffix(".journal").unlink(missing_ok=True)
        setup.estate(story, plan, port=int(settings.SIMULATOR_PORT) + story.port_offset)
    setup.give_keys(plan)
    prices.name_references(story)
    radio.join(Estate.objects.get(code=story.code), plan, path, port=_radio_port(story))


def _radio_port(story: Story) -> int:
    """Where the simulated ChirpStack of an estate takes orders: beside its concentrator."""
    return int(settings.SIMULATOR_PORT) + 100 + story.port_offset


def _begun() -> datetime | None:
    """When the history begins, if an earlier attempt has settled it."""
    begun: datetime | None = Installation.objects.aggregate(first=Min("starts_at"))["first"]
    return begun


def _is_lived(past: Past) -> bool:
    return Bill.objects.filter(priced_to__gt=local_day(past.ends)).exists()


def _live(stories: Sequence[Story], past: Past, *, now: datetime, say: Say) -> None:
    for story in stories:
        estate = Estate.objects.get(code=story.code)
        recorded = history.meter(estate, fleet(story, past), ends=past.ends, now=now)
        say(f"{story.name}: {recorded.created:,} readings, {recorded.intervals:,} intervals.")
    # Tables of a few rows are never analysed by themselves; billing would be planned at random.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE estates_estate, units_unit, meters_installation, meters_meter")
    say("Billing each day of the past ...")
    history.live(stories, past, say=say)
    say(f"{Reading.objects.count():,} readings are kept.")
