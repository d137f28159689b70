"""
When a meter's clock is set.

A clock more than a minute off is set, in one step: several small ones would leave several
intervals of wrong length instead of one, which the meter marks itself. Not near the end of a
quarter of an hour, by its clock or by ours, when the meter writes its profile. And none at all
when most meters of a round are off by more than that: then it is our own clock that is wrong.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

TOLERANCE = timedelta(seconds=60)
# Readings of a clock that is off by more are in the wrong interval (domain rules, VEE).
GRAVE = timedelta(seconds=450)
QUARTER = timedelta(minutes=15)
GUARD = timedelta(seconds=10)
FEW = 3


def is_off(drift: int | None) -> bool:
    """Whether a clock is to be set; one that tells no time (None) is."""
    return drift is None or abs(drift) > TOLERANCE.total_seconds()


def is_grave(drift: int | None) -> bool:
    return drift is None or abs(drift) > GRAVE.total_seconds()


def are_doubtful(drifts: Iterable[int | None]) -> bool:
    """Whether so many clocks of a round are off that ours is the likelier culprit."""
    told = [drift for drift in drifts if drift is not None]
    off = sum(is_off(drift) for drift in told)
    return off >= FEW and off * 2 > len(told)


def wait(ours: datetime, theirs: datetime | None) -> timedelta:
    """How long to wait until neither clock is near the edge of a quarter of an hour."""
    waited = timedelta(0)
    clocks = [ours] if theirs is None else [ours, theirs]
    while any(near := [_leave_edge(clock + waited) for clock in clocks]):
        waited += max(near)
    return waited


def _leave_edge(clock: datetime) -> timedelta:
    """How long until a clock is past the edge that it is near to; zero if it is not."""
    into = timedelta(seconds=clock.timestamp() % QUARTER.total_seconds())
    if into < GUARD:
        return GUARD - into
    return QUARTER - into + GUARD if into > QUARTER - GUARD else timedelta(0)
