"""
When a wallet counts as low. Pure, without a database.

Three rules, each with an amount and a number of days:

- `fixed`: the balance is below the amount.
- `days_remaining`: by the forecast, the money lasts less than the days.
- `smart`: both; while use is rising, either is enough. A small balance of somebody who uses little
  is not nagged about, and who begins to use more is told early.

Where there is no forecast the amount alone decides, and a wallet without a cent is low by every
rule: nobody is cut without having been told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from statistics import median

from quantify.money import HUNDRED

WEEK = 7
WEEKS_BEFORE = 4
RISING = Decimal("1.10")


class Rule(StrEnum):
    FIXED = "fixed"
    DAYS_REMAINING = "days_remaining"
    SMART = "smart"


class Level(StrEnum):
    LOW = "low"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for one wallet: its rule and what the rule compares with."""

    rule: Rule
    limit: Decimal
    days: int
    repeat_hours: int
    critical_percent: Decimal

    @property
    def repeat(self) -> timedelta:
        return timedelta(hours=self.repeat_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A wallet at one moment; without `days_left` it lasts longer than the forecast reaches."""

    balance: Decimal
    has_forecast: bool = False
    days_left: Decimal | None = None
    is_rising: bool = False


def level(terms: Terms, state: State) -> Level | None:
    """How low a wallet is; None if it is not."""
    if state.balance <= 0 or _is_below(terms, state, terms.critical_percent / HUNDRED):
        return Level.CRITICAL
    return Level.LOW if _is_below(terms, state, Decimal(1)) else None


def _is_below(terms: Terms, state: State, share: Decimal) -> bool:
    """Whether the rule holds for a share of its amount and of its days."""
    short = state.balance < terms.limit * share
    if terms.rule == Rule.FIXED or not state.has_forecast:
        return short
    soon = state.days_left is not None and state.days_left < terms.days * share
    if terms.rule == Rule.DAYS_REMAINING:
        return soon
    return short or soon if state.is_rising else short and soon


def is_rising(days: Sequence[int | None]) -> bool:
    """
    Whether the last seven days used over 10 % more than a usual week of the four before.

    `days` are what 35 whole local days used, the oldest first, None where nothing was metered. A
    usual week is the median of the four; with a day missing from the last seven, or fewer than two
    whole weeks before, nothing is said to rise.
    """
    if len(days) != WEEK * (WEEKS_BEFORE + 1):
        raise ValueError("Five whole weeks are compared.")
    weeks = [days[start : start + WEEK] for start in range(0, len(days), WEEK)]
    sums = [None if None in week else sum(filter(None, week)) for week in weeks]
    *before, last = sums
    known = [used for used in before if used is not None]
    if last is None or len(known) < WEEKS_BEFORE // 2:
        return False
    return last > RISING * Decimal(median(known))
