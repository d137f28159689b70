"""What the database holds after the day, against what the simulated meters really counted."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from django.db import connection, transaction

from meters.models import DailyConsumption, Interval, Reading, ReadingConflict
from meters.vee.rules import Rule
from quantify.periods import floor_to_interval, local_day
from quantify.tests.field.play import Play
from quantify.tests.field.script import DAY, PRICE, Home, Mishap
from quantify.tests.proofs import faults
from wallets.models import Transaction

CENT = Decimal("0.01")
MOST_CUTS = 2


def differences(play: Play) -> list[str]:
    """Everything that is not as it should be, in words."""
    until = floor_to_interval(play.now())
    found = [*play.witness.wrong, *_conflicts()]
    for home in play.site.homes.values():
        found += _metered(play, home, until)
        found += _cut_too_often(play, home)
    with transaction.atomic(), connection.cursor() as cursor:
        found += faults(cursor, play.paid)
    return found


def _conflicts() -> Iterator[str]:
    for conflict in ReadingConflict.objects.all():
        yield f"{conflict.meter.serial} has two values for {conflict.taken_at}"


def _metered(play: Play, home: Home, until: datetime) -> Iterator[str]:
    meter = play.site.meters[home.device]
    truth = {taken_at: value for taken_at, _, value, _ in play.site.truth(home.device, until)}
    rows = list(Reading.objects.filter(meter=meter.pk).values_list("taken_at", "value", "rules"))
    twice = [at for at, times in Counter(at for at, _, _ in rows).items() if times > 1]
    if twice:
        yield f"{home.serial} has readings twice: {twice[:3]}"
    if {at: value for at, value, _ in rows} != truth:
        lacking = [f"{at:%d %H:%M}" for at in sorted(truth.keys() - {at for at, _, _ in rows})]
        yield (
            f"{home.serial} has {len(rows)} readings of {len(truth)}, or others than it told;"
            f" it lacks {lacking[-5:]} ({home.mishap})"
        )
    gaps = [f"{at:%d %H:%M}" for at, _, rules in rows if rules & Rule.GAP]
    # What a meter told while its clock was wrong by half an interval never counts.
    if gaps and home.mishap is not Mishap.CLOCK:
        yield f"{home.serial} still has gaps before {gaps[:3]} ({home.mishap})"
    yield from _intervals(play, home, truth)
    used = max(truth.values()) - min(truth.values())
    yield from _charged(play, home, used)


def _intervals(play: Play, home: Home, truth: dict[datetime, int]) -> Iterator[str]:
    meter = play.site.meters[home.device]
    stored = list(
        Interval.objects.filter(meter=meter.pk).values_list("start", "quantity", "quality")
    )
    if len(stored) != len({start for start, _, _ in stored}):
        yield f"{home.serial} has intervals twice"
    marks = sorted(truth)
    wanted = {begin: truth[end] - truth[begin] for begin, end in pairwise(marks)}
    got = {start: quantity for start, quantity, _ in stored}
    if got.keys() != wanted.keys():
        yield f"{home.serial} has {len(got)} intervals of {len(wanted)}"
    elif sum(got.values()) != sum(wanted.values()):
        yield f"{home.serial} used {sum(wanted.values())}, not {sum(got.values())}"
    elif got != wanted and home.mishap is not Mishap.CLOCK:
        yield f"{home.serial} used the same in all, and otherwise by the quarter of an hour"
    if home.mishap is not Mishap.CLOCK and any(quality != "actual" for *_, quality in stored):
        yield f"{home.serial} still has estimated intervals"
    days = Counter[object]()
    for start, quantity in wanted.items():
        days[local_day(start)] += quantity
    sums = DailyConsumption.objects.filter(meter=meter.pk).values_list("day", "quantity")
    if home.mishap is not Mishap.CLOCK and dict(sums) != dict(days):
        yield f"{home.serial} has other days: {dict(sums)} instead of {dict(days)} ({home.mishap})"


def _charged(play: Play, home: Home, used: int) -> Iterator[str]:
    charges = Transaction.objects.filter(
        wallet=play.site.wallets[home.device].pk, kind__startswith="consumption"
    )
    charged = sum(charges.values_list("amount", flat=True), Decimal(0))
    price = (used * PRICE).quantize(CENT, ROUND_HALF_UP)
    if charged != price:
        yield f"{home.serial} used {used} for R{price} and was charged R{charged}"


def _cut_too_often(play: Play, home: Home) -> Iterator[str]:
    """By the meter's own log: a repeated order to an open relay is no second cut."""
    log = play.site.fleet[home.device].events("0.0.99.98.2.255")
    cuts = [at for at, code in log if code == 62]
    for at in cuts:
        within = [one for one in cuts if at <= one < at + DAY]
        if len(within) > MOST_CUTS:
            yield f"{home.serial} was cut {len(within)} times within a day"
            return
