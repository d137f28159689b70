"""How long a wallet's money lasts, in words."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from quantify.portal import formats
from wallets.forecasting import forecast
from wallets.forecasting.forecast import HORIZON, Forecast
from wallets.models import Wallet

BEYOND = f"more than {HORIZON.days} days"


def lasts(wallet: Wallet) -> str:
    """Such as: R 86.00 lasts until about Tue 24 Nov 19:00 (Mon ... to Wed ...)."""
    made = forecast.of(wallet.pk, now=timezone.now())
    return in_words(made, formats.money_text(wallet.balance), wallet.unit.estate.zone)


def in_words(made: Forecast, balance: str, zone: ZoneInfo) -> str:
    """A forecast as a sentence; a reason stands for itself."""
    if made.reason:
        return f"No forecast. {made.reason}"
    if made.expected_at == made.as_of:
        return "Used up: nothing is left for a supply that can be cut."
    if made.expected_at is None:
        least = f"; at high use until {_at(made.earliest_at, zone)}" if made.earliest_at else ""
        return f"{balance} lasts {BEYOND}{least}."
    earliest, latest = _at(made.earliest_at, zone), _at(made.latest_at, zone)
    return f"{balance} lasts until about {_at(made.expected_at, zone)} ({earliest} to {latest})."


def _at(at: datetime | None, zone: ZoneInfo) -> str:
    return BEYOND if at is None else f"{at.astimezone(zone):%a %-d %b %H:%M}"
