"""
Ninety days of an estate's past, made by the product's own flow.

The simulated registers are recorded, validated and summed as a concentrator's are; each evening
the day is billed; residents top up when their money runs low.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Max

from estates.models import Estate
from meters import readings
from meters.dlms.simulator.fleet import FleetPlan, plan_registers
from meters.models import Meter, Register
from meters.readings import RegisterSeries
from quantify.demo import radio
from quantify.demo.stories import Past, Story
from quantify.periods import INTERVAL, days, local_day, midnight
from wallets import ledger, topups
from wallets.billing import runs
from wallets.models import Bill, Transaction, Wallet

SECOND = timedelta(seconds=1)
RUNS_LOW_BELOW = Decimal(260)
AMOUNTS = ("200", "300", "300", "500", "500", "800", "1000")
METHODS = (
    Transaction.Method.EFT,
    Transaction.Method.INSTANT_EFT,
    Transaction.Method.INSTANT_EFT,
    Transaction.Method.CARD,
    Transaction.Method.CASH,
)
SMALLEST = Decimal(10)
FROM_HAND_TO_MOUTH = Decimal(60)
SPENDS_DOWN = 14
STOPS_PAYING = 2

type Say = Callable[[str], object]


def meter(estate: Estate, plan: FleetPlan, *, ends: datetime, now: datetime) -> readings.Recorded:
    """Record what the registers of an estate showed every 15 minutes of its history."""
    values = plan_registers(plan, plan.epoch, ends)
    heard = radio.hear(estate, plan, values, now=now)
    wired = Meter.objects.filter(estate=estate, lora_devices=None)
    ids = dict(wired.values_list("logical_device", "pk"))
    channels = dict(Register.objects.filter(meter__estate=estate).values_list("meter", "channel"))
    series = []
    for one in plan.meters:
        if one.dev_eui:
            continue
        answered = ends if one.offline_from is None else min(one.offline_from, ends)
        count = (answered - plan.epoch) // INTERVAL + 1
        pk = ids[one.logical_device]
        series.append(
            RegisterSeries(pk, channels[pk], plan.epoch, values[one.logical_device][:count])
        )
    recorded = readings.record_series(series, received_at=now)
    _fall_silent(plan, ids, ends)
    return recorded + heard


def _fall_silent(plan: FleetPlan, ids: dict[int | None, UUID], ends: datetime) -> None:
    """A meter that stopped answering was last heard of then, not when its past was written."""
    for one in plan.meters:
        if one.offline_from is not None and one.offline_from < ends:
            silent = Meter.objects.filter(pk=ids[one.logical_device])
            silent.update(last_contact_at=one.offline_from)


@dataclass(frozen=True)
class _Home:
    """A wallet, and what the story says is left in it in the end."""

    wallet_id: UUID
    estate_code: str
    unit_number: str
    left_in_the_end: Decimal | None


def live(stories: Sequence[Story], past: Past, *, say: Say) -> None:
    """Bill each day of the history in its evening; residents top up in the morning."""
    homes = [home for story in stories for home in _homes(story)]
    for day in days(_resume_on(past.begins), local_day(past.ends) + timedelta(days=1)):
        to_the_end = (local_day(past.ends) - day).days
        _pay_in(homes, day, begins=max(past.begins, midnight(day)), to_the_end=to_the_end)
        evening = min(midnight(day + timedelta(days=1)) - SECOND, past.ends)
        runs.bill(now=evening, since=day)
        if day.day == 1:
            say(f"  billed up to {day:%d %B %Y}")
    _leave(homes, at=past.ends)


def _resume_on(epoch: datetime) -> date:
    """The first day that is not billed yet, should an earlier attempt have been stopped."""
    billed_to: date | None = Bill.objects.aggregate(last=Max("priced_to"))["last"]
    return billed_to - timedelta(days=1) if billed_to else local_day(epoch)


def _homes(story: Story) -> Iterator[_Home]:
    wallets = Wallet.objects.filter(unit__estate__code=story.code).order_by("unit__unit_number")
    for pk, unit_number in wallets.values_list("pk", "unit__unit_number"):
        left = story.low.get(unit_number)
        if unit_number in story.empty:
            left = "0"
        yield _Home(pk, story.code, unit_number, Decimal(left) if left else None)


def _pay_in(homes: Sequence[_Home], day: date, *, begins: datetime, to_the_end: int) -> None:
    balances = dict(Wallet.objects.values_list("pk", "balance"))
    ledger.post_many(
        [
            _top_up(home, day, begins, amount)
            for home in homes
            if (amount := _amount(home, balances[home.wallet_id], day, to_the_end))
        ]
    )


def _amount(home: _Home, balance: Decimal, day: date, to_the_end: int) -> Decimal | None:
    """What a home pays in on a morning, if anything; who ends up low lives from hand to mouth."""
    if home.left_in_the_end is None or to_the_end >= SPENDS_DOWN:
        chance = _chance(home, day)
        return Decimal(chance.choice(AMOUNTS)) if balance < RUNS_LOW_BELOW else None
    if balance > 0 or (home.left_in_the_end == 0 and to_the_end < STOPS_PAYING):
        return None
    return FROM_HAND_TO_MOUTH


def _chance(home: _Home, day: date) -> random.Random:
    return random.Random(f"{home.estate_code} {home.unit_number} {day}")  # noqa: S311  (habits, not secrets)


def _top_up(home: _Home, day: date, begins: datetime, amount: Decimal) -> ledger.Entry:
    chance = _chance(home, day)
    return topups.entry(
        wallet_id=home.wallet_id,
        amount=amount,
        payment_method=chance.choice(METHODS),
        reference=f"Unit {home.unit_number}",
        occurred_at=begins + timedelta(minutes=chance.randrange(6 * 60, 9 * 60)),
        actor=None,
        idempotency_key=f"demo:{home.wallet_id}:{day}",
    )


def _leave(homes: Sequence[_Home], *, at: datetime) -> None:
    """A last top-up for homes of the story that have less than what should be left."""
    wallets = {wallet.pk: wallet for wallet in Wallet.objects.all()}
    entries = []
    for home in homes:
        wallet = wallets[home.wallet_id]
        missing = (home.left_in_the_end or 0) - wallet.balance + wallet.arrears
        if home.left_in_the_end and missing >= SMALLEST:
            entries.append(
                topups.entry(
                    wallet_id=home.wallet_id,
                    amount=missing,
                    payment_method=Transaction.Method.CASH,
                    reference=f"Unit {home.unit_number}",
                    occurred_at=at,
                    actor=None,
                    idempotency_key=f"demo:{home.wallet_id}:last",
                )
            )
    ledger.post_many(entries)
