"""
Who may be cut and who is to be restored: a pure function of the facts, with its reasons.

The same function decides, is asked again at the moment of sending, and answers a dry run.
Rules: domain "Credit control"; a cut needs every check to pass, a reconnection only the credit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import holidays

OFFICE_OPENS, OFFICE_CLOSES = time(9), time(15)
THURSDAY = 3
WARNED_WITHIN = timedelta(hours=72)
BREAKER_WINDOW = timedelta(minutes=15)
CUTS_WINDOW = timedelta(hours=24)
MOST_CUTS = 2
"""After so many cuts of a supply within 24 hours a person decides."""
BREAKER, SWINGING = "breaker", "cuts in a day"
WARNING = "warning"
RULED_OUT = {"automatic disconnection", "inhibit switch", "protected supply"}


class Action(StrEnum):
    DISCONNECT = "disconnect"
    RECONNECT = "reconnect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about one supply that has a relay, at one moment."""

    meter_id: UUID
    serial: str
    wallet_id: UUID
    estate_id: UUID
    unit_number: str
    utility: str
    zone: ZoneInfo
    credit: Decimal
    free_left: int
    """Wh of the free allocation that are not used yet this month."""
    relay_state: str
    cut_by_credit: bool
    cut_is_under_way: bool = False
    """An order to cut may have left, and nothing was heard of it yet."""
    activation_minimum: Decimal
    automatic: bool
    inhibited: bool
    protected: bool
    office_hours: bool
    warned_at: datetime | None
    newest_reading_at: datetime | None
    newest_is_estimated: bool
    waits_for_a_check: bool = False
    """What the checks of readings found must be decided before a cut."""
    freshness: timedelta
    payment: str
    """What is known of money on its way to the wallet; empty if nothing is."""
    cut_at: datetime | None
    restored_at: datetime | None
    minimum_on: timedelta
    minimum_off: timedelta
    cuts_in_a_day: int
    recent_cuts: int
    breaker_cuts: int
    units: int
    breaker_percent: Decimal


@dataclass(frozen=True, slots=True)
class Check:
    """One guard: its name, whether it lets the cut pass, and what it saw."""

    name: str
    passed: bool
    says: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a supply now, or what would be but for the checks that failed."""

    action: Action | None
    checks: tuple[Check, ...]

    @property
    def refused_by(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def is_permitted(self) -> bool:
        return self.action is not None and not self.refused_by

    @property
    def waits_for_a_warning(self) -> bool:
        """Whether the resident must be warned before a cut that nobody rules out."""
        failed = {check.name for check in self.refused_by}
        return WARNING in failed and not failed & RULED_OUT

    @property
    def trace(self) -> list[dict[str, object]]:
        return [
            {"check": check.name, "passed": check.passed, "says": check.says}
            for check in self.checks
        ]


def decide(facts: Facts, *, now: datetime) -> Decision:
    """Say whether a supply is to be cut, restored or left, and why."""
    if facts.relay_state in {"disconnected", "ready"}:
        return _restore(facts, now)
    if facts.cut_is_under_way and facts.cut_by_credit and _suffices(facts):
        return Decision(Action.RECONNECT, (_paid(facts),))
    if facts.credit > 0:
        return Decision(None, (Check("credit", passed=True, says=f"R{facts.credit} is left."),))
    if facts.free_left > 0:
        return Decision(
            None,
            (Check("free allocation", passed=True, says=f"{facts.free_left} Wh are still free."),),
        )
    return Decision(Action.DISCONNECT, tuple(guard(facts, now) for guard in GUARDS))


def _restore(facts: Facts, now: datetime) -> Decision:
    if not facts.cut_by_credit:
        return Decision(
            None, (Check("cause", passed=True, says="It was not cut by credit control."),)
        )
    paid = _paid(facts)
    return (
        Decision(Action.RECONNECT, (paid, _rested(facts, now)))
        if _suffices(facts)
        else Decision(None, (paid,))
    )


def _suffices(facts: Facts) -> bool:
    return facts.credit >= facts.activation_minimum or facts.free_left > 0


def _paid(facts: Facts) -> Check:
    says = f"R{facts.credit} of the R{facts.activation_minimum} that restore the supply."
    return Check("credit", passed=True, says=says)


def _rested(facts: Facts, now: datetime) -> Check:
    # Without a minimum nothing is waited for, even if the cut was over after `now` was read.
    off = facts.minimum_off
    rested = not off or facts.cut_at is None or now - facts.cut_at >= off
    says = f"A supply stays off for at least {_minutes(facts.minimum_off)} minutes."
    return Check("minimum off time", rested, says)


def _minutes(length: timedelta) -> int:
    return int(length / timedelta(minutes=1))


def _credit(facts: Facts, _: datetime) -> Check:
    return Check("credit", facts.credit <= 0, f"R{facts.credit} is left.")


def _automatic(facts: Facts, _: datetime) -> Check:
    says = "The estate cuts automatically." if facts.automatic else "The estate does not cut."
    return Check("automatic disconnection", facts.automatic, says)


def _inhibit(facts: Facts, _: datetime) -> Check:
    says = "All cuts are inhibited." if facts.inhibited else "Cuts are not inhibited."
    return Check("inhibit switch", not facts.inhibited, says)


def _protected(facts: Facts, _: datetime) -> Check:
    says = "The supply is protected." if facts.protected else "The supply is not protected."
    return Check("protected supply", not facts.protected, says)


def _window(facts: Facts, now: datetime) -> Check:
    if not facts.office_hours:
        return Check("window", passed=True, says="The estate cuts at any time.")
    local = now.astimezone(facts.zone)
    is_open = _is_office_hour(local)
    says = f"{local:%A %H:%M} is {'within' if is_open else 'outside'} office hours."
    return Check("window", is_open, says)


def _is_office_hour(local: datetime) -> bool:
    days_off = holidays.country_holidays("ZA", years=(local.year, local.year + 1))
    day = local.date()
    return (
        local.weekday() <= THURSDAY
        and OFFICE_OPENS <= local.time() < OFFICE_CLOSES
        and day not in days_off
        and day + timedelta(days=1) not in days_off
    )


def _warned(facts: Facts, now: datetime) -> Check:
    if facts.warned_at is None or now - facts.warned_at > WARNED_WITHIN:
        return Check(WARNING, passed=False, says="No warning reached the resident yet.")
    local = facts.warned_at.astimezone(facts.zone)
    return Check(WARNING, passed=True, says=f"Warned on {local:%Y-%m-%d at %H:%M}.")


def _fresh(facts: Facts, now: datetime) -> Check:
    if facts.newest_reading_at is None:
        return Check("fresh reading", passed=False, says="There is no reading.")
    age = _minutes(now - facts.newest_reading_at)
    fresh = now - facts.newest_reading_at <= facts.freshness
    return Check("fresh reading", fresh, f"The newest reading is {age} minutes old.")


def _measured(facts: Facts, _: datetime) -> Check:
    says = "estimated" if facts.newest_is_estimated else "measured"
    return Check("measured", not facts.newest_is_estimated, f"The newest interval is {says}.")


def _payment(facts: Facts, _: datetime) -> Check:
    says = facts.payment or "No payment is on its way."
    return Check("payment in flight", not facts.payment, says)


def _settled_in(facts: Facts, now: datetime) -> Check:
    lit = facts.restored_at is None or now - facts.restored_at >= facts.minimum_on
    says = f"A supply stays on for at least {_minutes(facts.minimum_on)} minutes."
    return Check("minimum on time", lit, says)


def _swinging(facts: Facts, _: datetime) -> Check:
    says = f"{facts.cuts_in_a_day} cuts of this supply within 24 hours"
    if facts.cuts_in_a_day < MOST_CUTS:
        return Check(SWINGING, passed=True, says=f"{says}.")
    return Check(SWINGING, passed=False, says=f"{says}: a person decides.")


def _decided(facts: Facts, _: datetime) -> Check:
    waits = facts.waits_for_a_check
    says = "Its readings wait for a decision." if waits else "Nothing about its readings is open."
    return Check("readings decided", not waits, says)


def _breaker(facts: Facts, _: datetime) -> Check:
    cuts = facts.recent_cuts + 1
    within = cuts <= facts.breaker_cuts and cuts * 100 <= facts.breaker_percent * facts.units
    says = f"{facts.recent_cuts} cuts in the estate within 15 minutes."
    return Check(BREAKER, within or facts.recent_cuts == 0, says)


GUARDS: tuple[Callable[[Facts, datetime], Check], ...] = (
    _credit, _automatic, _inhibit, _protected, _window, _warned, _fresh, _measured, _decided,
    _payment, _settled_in, _swinging, _breaker,
)  # fmt: skip


def explain(decision: Decision) -> Iterator[str]:
    """The decision in words, one line a check."""
    for check in decision.checks:
        yield f"{'passed' if check.passed else 'REFUSED'}  {check.name}: {check.says}"
