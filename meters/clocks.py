"""
When a meter's clock is wrong, and when it is set.

A clock more than a minute off is set, in one step: several small ones would leave several
intervals of wrong length instead of one, which the meter marks itself. Not near the end of a
quarter of an hour, by its clock or by ours, when the meter writes its profile. And none at all
when most meters of a round are off by more than that: then it is our own clock that is wrong.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

TOLERANCE = timedelta(seconds=60)
QUARTER = timedelta(minutes=15)
GUARD = timedelta(seconds=10)
FEW = 3
# A clock that is some 68 years off, as in 1970 or 2099, is off by no less.
FURTHEST = 2**31 - 1


def drift(theirs: datetime, ours: datetime) -> int:
    """How far a clock runs ahead of ours, in seconds; what is further off counts as 68 years."""
    ahead = round((theirs - ours).total_seconds())
    return max(-FURTHEST, min(FURTHEST, ahead))


def is_off(drift: int | None) -> bool:
    """Whether a clock is to be set; one that tells no time (None) is."""
    return drift is None or abs(drift) > TOLERANCE.total_seconds()


def is_grave(drift: int | None, limit: Decimal) -> bool:
    """Whether readings are in the wrong interval; ``limit`` (s) is that of the check of clocks."""
    return drift is None or abs(drift) > limit


def are_doubtful(drifts: Iterable[int | None]) -> bool:
    """Whether so many clocks of a round are off that ours is the likelier culprit."""
    told = [drift for drift in drifts if drift is not None]
    off = sum(is_off(drift) for drift in told)
    return off >= FEW and off * 2 > len(told)


def wait(ours: datetime, theirs: datetime | None) -> timedelta:
    """How long to wait until neither clock is near the edge of a quarter of an hour."""
    waited = timedelta(0)
    clocks = [ours] if theirs is None else [ours, theirs]
    into = [timedelta(seconds=clock.timestamp() % QUARTER.total_seconds()) for clock in clocks]
    while any(near := [_leave_edge((one + waited) % QUARTER) for one in into]):
        waited += max(near)
    return waited


def _leave_edge(into: timedelta) -> timedelta:
    """How long until a clock so far into a quarter is past its edge; zero if it is not near."""
    if into < GUARD:
        return GUARD - into
    return QUARTER - into + GUARD if into > QUARTER - GUARD else timedelta(0)
