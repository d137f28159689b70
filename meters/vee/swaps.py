"""
Meters that are swapped: a home's use stops and returns with the relay of another.

Pure, over arrays; the rules are our own. A relay that was read open and a register that goes on
counting say that something is wrong; which other home is concerned is told by who was still just
then, was not just before and just after, and is never still for so long otherwise.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]

GOES_ON = 0.75
"""A home counts on if it does so in this share of the quarters of its cut."""
MEASURED = 0.75
"""So much of the time before must have been measured to know how long a home is ever still."""


@dataclass(frozen=True, slots=True)
class Cut:
    """
    The quarters from ``first`` up to ``last`` in which a relay was open from end to end.

    ``before`` and ``after``: the quarters next to them in which it was closed from end to end.
    """

    before: int
    first: int
    last: int
    after: int

    @property
    def length(self) -> int:
        return self.last - self.first


def counts_on(during: Floats, *, tolerance: float) -> bool | None:
    """
    Whether a home went on counting while its relay was open, by its Wh in those quarters.

    NaN where a quarter was not measured. None where it is not clear.
    """
    if not len(during) or not np.isfinite(during).all():
        return None
    counting = during > tolerance
    if not counting.any():
        return False
    return True if np.mean(counting) >= GOES_ON else None


def partner(others: Floats, cut: Cut, *, tolerance: float) -> int | None:
    """
    The one home whose use stopped and came back with the relay of another.

    ``others``: Wh by home and quarter from a history before the cut on, NaN where a quarter was
    not measured or the home's own relay was open. None if there is no such home, or more than one.
    """
    found = [row for row, use in enumerate(others) if _follows(use, cut, tolerance)]
    return found[0] if len(found) == 1 else None


def _follows(use: Floats, cut: Cut, tolerance: float) -> bool:
    still, lit = use <= tolerance, use > tolerance
    if not (still[cut.first : cut.last].all() and lit[cut.before] and lit[cut.after]):
        return False
    history = use[: cut.before]
    if np.count_nonzero(np.isfinite(history)) < MEASURED * len(history):
        return False
    return _longest(still[: cut.before]) < cut.length


def _longest(marks: npt.NDArray[np.bool_]) -> int:
    """The length of the longest run of true marks."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marks.astype(np.int8), [0]))))
    return int(np.max(edges[1::2] - edges[::2], initial=0))
