"""Telling residents before the money runs out, by the rule of their wallet or estate."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from units import recipients
from wallets import limits
from wallets.credit.policy import WARNED_WITHIN, Facts
from wallets.forecasting import forecast, histories
from wallets.forecasting.forecast import Forecast
from wallets.low_balance import Level, Rule, State, Terms, level
from wallets.models import Wallet

LONGEST = timedelta(hours=720)
FORECAST_EVERY = 15
"""A forecast changes slowly: of all wallets, every minute another fifteenth is looked at."""
EVENTS = {
    Level.LOW: Notification.Event.LOW_BALANCE,
    Level.CRITICAL: Notification.Event.CRITICAL_BALANCE,
}
WARNINGS = (*EVENTS.values(), Notification.Event.DISCONNECTION_WARNING)

type Told = dict[tuple[str, str], datetime]


def write(*, now: datetime, wallet_ids: Sequence[UUID] | None = None) -> int:
    """
    Owe a message to each wallet that is low, once in its repeat hours; answer how many.

    A critical message is not held back by the first one.
    """
    wallets = list(limits.with_terms(_suspected(wallet_ids)))
    if wallet_ids is None:
        wallets = [wallet for wallet in wallets if _is_looked_at(wallet, now)]
    told = _told(now)
    states = _states(wallets, now)
    messages = [
        (wallet.unit_id, message)
        for wallet in wallets
        if (message := _message(wallet, states[wallet.pk], told, now)) is not None
    ]
    outbox.enqueue(recipients.addressed(messages, now=now), now=now)
    return len(messages)


def before_a_cut(spared: Iterable[Facts], *, now: datetime) -> int:
    """
    Owe a disconnection warning for supplies that only a warning keeps on; answer how many.

    Money that is bound to another utility keeps a wallet from being low, and not the electricity
    on. Who was told that it is low is warned already.
    """
    told = {subject for (subject, _), at in _told(now).items() if at > now - WARNED_WITHIN}
    messages = {
        facts.wallet_id: Message(
            event=Notification.Event.DISCONNECTION_WARNING,
            subject_key=f"wallet:{facts.wallet_id}",
            once_key=f"disconnection_warning:{facts.wallet_id}:{now:%Y-%m-%d}",
            text=(
                f"Unit {facts.unit_number}: no credit is left for {facts.utility}. Top up or move "
                f"at least R{facts.activation_minimum} to it, or it is cut."
            ),
            scope=facts.estate_id,
            values={"utility": facts.utility, "activation_minimum": f"R{facts.activation_minimum}"},
        )
        for facts in spared
        if f"wallet:{facts.wallet_id}" not in told
    }
    units = dict(Wallet.objects.filter(pk__in=messages).values_list("pk", "unit_id"))
    pairs = [(units[wallet_id], message) for wallet_id, message in messages.items()]
    outbox.enqueue(recipients.addressed(pairs, now=now), now=now)
    return len(messages)


def _suspected(wallet_ids: Sequence[UUID] | None) -> QuerySet[Wallet]:
    """Wallets that are low by their amount, or whose rule needs more than the amount."""
    wallets = Wallet.objects.annotate(limit=limits.limit_of(), rule=limits.rule_of()).filter(
        Q(balance__lte=0) | Q(balance__lt=F("limit")) | ~Q(rule=Rule.FIXED),
        unit__deleted_at=None,
        unit__estate__deleted_at=None,
    )
    return wallets if wallet_ids is None else wallets.filter(pk__in=wallet_ids)


def _is_looked_at(wallet: Wallet, now: datetime) -> bool:
    if wallet.balance <= 0 or limits.terms_of(wallet).rule == Rule.FIXED:
        return True
    minute = int(now.timestamp() // 60)
    return wallet.pk.int % FORECAST_EVERY == minute % FORECAST_EVERY


def _told(now: datetime) -> Told:
    """When each wallet was told of each event, as far back as any repeat reaches."""
    rows = (
        Notification.objects.filter(created_at__gt=now - LONGEST, event__in=WARNINGS)
        .values_list("subject_key", "event")
        .annotate(Max("created_at"))
    )
    return {(subject, event): at for subject, event, at in rows}


def _states(wallets: Iterable[Wallet], now: datetime) -> dict[UUID, State]:
    """What the rules ask about each wallet; forecasts only where one decides."""
    terms = {wallet.pk: limits.terms_of(wallet) for wallet in wallets}
    smart = [wallet for wallet in wallets if terms[wallet.pk].rule == Rule.SMART]
    rising = histories.rising({wallet.unit_id: wallet for wallet in smart}, now=now)
    asked = [wallet.pk for wallet in wallets if _needs_forecast(wallet, terms[wallet.pk], rising)]
    forecasts = forecast.of_many(asked, now=now)
    return {
        wallet.pk: _state(wallet, forecasts.get(wallet.pk), wallet.unit_id in rising)
        for wallet in wallets
    }


def _needs_forecast(wallet: Wallet, terms: Terms, rising: set[UUID]) -> bool:
    if wallet.balance <= 0 or terms.rule == Rule.FIXED:
        return False
    return (
        terms.rule == Rule.DAYS_REMAINING
        or wallet.balance < terms.limit
        or wallet.unit_id in rising
    )


def _state(wallet: Wallet, made: Forecast | None, is_rising: bool) -> State:  # noqa: FBT001
    return State(
        balance=wallet.balance,
        has_forecast=made is not None and not made.reason,
        days_left=made.days_left if made else None,
        is_rising=is_rising,
    )


def _message(wallet: Wallet, state: State, told: Told, now: datetime) -> Message | None:
    terms = limits.terms_of(wallet)
    found = level(terms, state)
    if found is None:
        return None
    event, subject = EVENTS[found], f"wallet:{wallet.pk}"
    last = told.get((subject, event))
    if last is not None and last > now - terms.repeat:
        return None
    return Message(
        event=event,
        subject_key=subject,
        # The hour keeps two runs at the same time from writing it twice.
        once_key=f"{event}:{wallet.pk}:{now:%Y-%m-%dT%H}",
        text=(
            f"Unit {wallet.unit.unit_number}: R{wallet.balance} is left{_lasting(state)}. "
            "Top up soon, or the electricity is cut when the credit is used up."
        ),
        scope=wallet.unit.estate_id,
        values={"balance": f"R{wallet.balance}", "lasting": _lasting(state)},
    )


def _lasting(state: State) -> str:
    """How long it lasts, in words; nothing where that is not known."""
    if state.days_left is None or state.balance <= 0:
        return ""
    if state.days_left < Decimal(1):
        return ", which lasts less than a day"
    days = int(state.days_left)
    return f", which lasts about {days} day{'' if days == 1 else 's'}"
