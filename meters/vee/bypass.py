"""
Power that goes past a meter: found by comparing a home with itself, its neighbours and the loss.

Pure, over arrays; the rules are our own. A home that is bypassed keeps its habits and counts less
of them; one that is away counts little and loses its habits; a cold week is everybody's.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from meters.vee.validation import Bools

type Floats = npt.NDArray[np.float64]

RECENT, BEFORE = 14, 28
"""Days that are compared, and the days before them that they are compared with."""
MEASURED = 0.75
"""So much of either stretch must have been measured, or nothing is said."""
NEIGHBOURS = 5
"""Fewer homes than this are no neighbourhood."""
SPREADS = 4.0
"""A home stands out if it is further from its neighbours than so many of their spreads."""
TO_SIGMA = 1.4826
"""The median absolute deviation of a normal distribution, as its standard deviation."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """
    A home that counts less than it should.

    ``row``: which one; ``missing``: Wh a day that are expected and not counted; ``share``: how much
    of what is expected that is; ``loss_rose``: how many Wh a day the estate loses more than
    before, where a bulk meter tells, and the home explains it.
    """

    row: int
    missing: int
    share: float
    loss_rose: int | None


def suspects(
    use: Floats,
    is_occupied: Bools,
    loss: Floats | None,
    *,
    drop: float,
    floor: float,
) -> list[Suspect]:
    """
    The homes whose use has fallen by the share ``drop`` against what their neighbours did.

    ``use``: Wh by home and day, the `BEFORE` and `RECENT` days in order, NaN where a day was not
    measured whole. ``loss``: Wh a day that the bulk meter saw and no unit counted. A home
    that used less than ``floor`` Wh a day before is left out. Where the loss rose by what the
    home misses, half the drop is enough.
    """
    before, recent = use[:, :BEFORE], use[:, BEFORE:]
    usual, lately = _mean(before), _mean(recent)
    known = is_occupied & (usual >= floor) & np.isfinite(lately)
    if np.count_nonzero(known) < NEIGHBOURS:
        return []
    change = np.log(np.maximum(lately, 1.0) / np.where(known, usual, 1.0))
    middle = float(np.median(change[known]))
    spread = TO_SIGMA * float(np.median(np.abs(change[known] - middle)))
    expected = usual * np.exp(middle)
    rose = _rise(loss, use)
    found = []
    for row in np.flatnonzero(known):
        missing = expected[row] - lately[row]
        share = missing / expected[row]
        explains = rose is not None and _explains(missing, rose, expected[row])
        enough = share >= (drop / 2 if explains else drop)
        far = middle - change[row] >= SPREADS * spread
        if enough and far and _lasts(before[row], recent[row], expected[row], share):
            risen = int(rose) if explains and rose is not None else None
            found.append(Suspect(int(row), int(missing), float(share), risen))
    return found


def _mean(days: Floats) -> Floats:
    """The mean of the measured days of each home; NaN where too few were measured."""
    measured = np.isfinite(days)
    count = measured.sum(axis=1)
    total = np.where(measured, days, 0.0).sum(axis=1)
    enough = count >= MEASURED * days.shape[1]
    return np.where(enough, total / np.maximum(count, 1), np.nan)


def _lasts(before: Floats, recent: Floats, expected: float, share: float) -> bool:
    """
    Whether the home counts too little on nearly every day, and still lives.

    Somebody who went away for a week comes back; somebody who is away uses the same little day
    after day, where a home that lives goes up and down as it did before.
    """
    days = recent[np.isfinite(recent)]
    low = days < expected * (1 - share / 2)
    if np.count_nonzero(low) < len(days) - 1:
        return False
    return bool(_variation(days) >= 0.5 * _variation(before[np.isfinite(before)]) > 0)


def _variation(days: Floats) -> float:
    mean = float(np.mean(days))
    return float(np.std(days)) / mean if mean else 0.0


def _rise(loss: Floats | None, use: Floats) -> float | None:
    """
    By how much the estate loses more a day than before, if that is more than chance.

    Lines lose more when more goes through them: what is lost in proportion to use is no rise.
    """
    if loss is None:
        return None
    used = np.nansum(use, axis=0)
    share = np.nanmean(loss[:BEFORE]) / max(np.nanmean(used[:BEFORE]), 1.0)
    more = loss - share * used
    before, recent = more[:BEFORE], more[BEFORE:]
    before, recent = before[np.isfinite(before)], recent[np.isfinite(recent)]
    if len(before) < MEASURED * BEFORE or len(recent) < MEASURED * RECENT:
        return None
    rise = float(np.mean(recent) - np.mean(before))
    error = float(np.std(before)) / float(np.sqrt(len(recent)))
    return rise if rise > max(SPREADS * error, 1.0) else None


def _explains(missing: float, rise: float, expected: float) -> bool:
    """Whether what a home misses is what the estate loses, as nearly as either is known."""
    return abs(missing - rise) <= 0.35 * max(missing, 0.25 * expected)
