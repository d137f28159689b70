"""
Checks on readings (domain rules "VEE"); pure, without a database.

Readings come as parallel arrays, ordered by register and instant. What a check finds depends on
the set of readings alone, never on the order in which they arrived: each reading is held against
the last valid one before it. Times are microseconds since 1970 (UTC), values whole Wh or litres.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from meters.vee.rules import Rule

type Ints = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]

SECOND = 1_000_000
INTERVAL = 900 * SECOND
NOBODY = -1


class Parameters(NamedTuple):
    """What no estate may set: how the meter speaks, and what can be a reading at all."""

    status_invalid: int = 0b0000_0111  # critical error, clock invalid, data not valid
    status_suspect: int = 0b1110_0000  # clock adjusted, recovered value, power down
    clock_is_off: int = 1 << 8  # ours, above the meter's own octet: so we found it at the visit
    oldest: int = 3 * 366 * 86400 * SECOND  # what claims to be older is no reading of ours
    furthest: int = 31 * 86400 * SECOND  # likewise what claims to be from that far ahead
    largest_value: int = 10**15  # of a register, in Wh or litres; no span is that wide


PARAMETERS = Parameters()
# What a person said of a reading goes before what the meter says.
OF_A_PERSON = Rule.EDITED | Rule.ACCEPTED | Rule.REJECTED
OF_THE_METER = Rule.STATUS_INVALID | Rule.STATUS_SUSPECT | Rule.CLOCK_DRIFT
# Bits that follow from the reading itself; the others from the reading before it.
OWN = OF_A_PERSON | OF_THE_METER | Rule.UNALIGNED | Rule.IN_THE_FUTURE | Rule.OPENING
USELESS = Rule.STATUS_INVALID | Rule.IN_THE_FUTURE | Rule.CLOCK_DRIFT | Rule.REJECTED
NEVER_A_BASE = int(USELESS | Rule.UNALIGNED)
BROKEN = int(Rule.NEGATIVE_STEP | Rule.PHYSICAL_MAXIMUM)
INVALID = int(USELESS) | BROKEN
# From these a register counts on, whatever stood before them.
STANDS = int(Rule.OPENING | Rule.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Series:
    """
    Readings of registers, one per row, in order of register and instant.

    ``rules`` holds the readings' own bits; ``span`` is where the register starts again at zero,
    ``rollover`` above which value it can have done so, ``maximum`` the most it can count in 15
    minutes.
    """

    register: Ints
    taken_at: Ints
    value: Ints
    rules: Ints
    span: Ints
    rollover: Ints
    maximum: Ints


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What was found, by row.

    ``base`` is the row of the last valid reading before (`NOBODY` if there is none), ``quantity``
    what was used since then (`NOBODY` if that cannot be told).
    """

    rules: Ints
    is_valid: Bools
    base: Ints
    quantity: Ints


def own_rules(taken_at: Ints, status: Ints, newest: Ints | int) -> Ints:
    """
    The bits that a reading earns by itself: by its instant and its status.

    ``newest`` is the last instant that does not lie in the future, as its meter's clock has it.
    """
    rules = np.zeros(len(taken_at), np.int64)
    rules[status & PARAMETERS.status_invalid != 0] |= Rule.STATUS_INVALID
    rules[status & PARAMETERS.status_suspect != 0] |= Rule.STATUS_SUSPECT
    rules[taken_at % INTERVAL != 0] |= Rule.UNALIGNED
    rules[status & PARAMETERS.clock_is_off != 0] |= Rule.CLOCK_DRIFT
    rules[taken_at > newest] |= Rule.IN_THE_FUTURE
    return rules


def is_storable(taken_at: Ints, value: Ints, received_at: int) -> Bools:
    """Whether a reading can be a fact at all: no negative register, no instant beyond reason."""
    recent = taken_at >= received_at - PARAMETERS.oldest
    possible = (value >= 0) & (value <= PARAMETERS.largest_value)
    storable: Bools = possible & recent & (taken_at <= received_at + PARAMETERS.furthest)
    return storable


def judge(series: Series) -> Judgement:
    """Hold every reading against the last valid one of its register before it."""
    rules = series.rules.copy()
    rules[series.value >= series.span] |= Rule.PHYSICAL_MAXIMUM
    usable = np.flatnonzero(rules & (NEVER_A_BASE | BROKEN) == 0)
    base = _bases(series, usable)
    quantity = np.full(len(rules), NOBODY, np.int64)
    rows = usable[base[usable] != NOBODY]
    quantity[rows], found = step(series, rows, base[rows])
    rules[rows] |= found
    is_valid = rules & INVALID == 0
    is_valid[usable[rules[usable] & STANDS != 0]] = True
    return Judgement(rules, is_valid, base, quantity)


def step(series: Series, rows: Ints, bases: Ints) -> tuple[Ints, Ints]:
    """
    What was used between each base and its row, and which rules that step breaks.

    A register that went back has rolled over if it stood high enough before and the quantity is
    possible; otherwise it was reset. A broken step has no quantity (`NOBODY`). A person may have
    accepted more than the meter can carry.
    """
    before, span = series.value[bases], series.span[rows]
    intervals = (series.taken_at[rows] - series.taken_at[bases]) // INTERVAL
    quantity = series.value[rows] - before
    rolled = (quantity < 0) & (before > series.rollover[rows])
    quantity = np.where(rolled, quantity + span, quantity)
    exceeds = quantity > series.maximum[rows] * intervals
    reset = (quantity < 0) | (rolled & exceeds)
    too_much = exceeds & (series.rules[rows] & Rule.ACCEPTED == 0)

    rules = np.where(intervals > 1, int(Rule.GAP), 0)
    rules[rolled] |= Rule.ROLLOVER
    rules[too_much] = Rule.PHYSICAL_MAXIMUM
    rules[reset] = Rule.NEGATIVE_STEP
    return np.where(too_much | reset, NOBODY, quantity), rules


def _bases(series: Series, usable: Ints) -> Ints:
    """The row of the last valid reading before each usable one."""
    base = np.full(len(series.value), NOBODY, np.int64)
    follows = series.register[usable[1:]] == series.register[usable[:-1]]
    rows, before = usable[1:][follows], usable[:-1][follows]
    base[rows] = before
    for register in np.unique(series.register[rows[_breaks(series, rows, before)]]):
        first, last = np.searchsorted(series.register[usable], (register, register + 1))
        _skip_invalid(series, usable[first:last], base)
    return base


def _breaks(series: Series, rows: Ints, bases: Ints) -> Bools:
    """Which rows are invalid when held against these bases; an opening never is."""
    breaks: Bools = (step(series, rows, bases)[1] & BROKEN != 0) & (
        series.rules[rows] & STANDS == 0
    )
    return breaks


def _skip_invalid(series: Series, rows: Ints, base: Ints) -> None:
    """
    Correct ``base`` within one register, so that no invalid reading is a base.

    From each broken step one looks ahead from the last valid reading to the next that fits it:
    as many looks as there are runs of invalid readings.
    """
    broken = np.append(np.flatnonzero(_breaks(series, rows[1:], rows[:-1])) + 1, len(rows))
    at = int(broken[0])
    while at < len(rows):
        anchor = rows[at - 1]
        ahead = rows[at:]
        fits = ~_breaks(series, ahead, np.full(len(ahead), anchor))
        run = int(np.argmax(fits)) if fits.any() else len(ahead)
        base[ahead[: run + 1]] = anchor
        at = int(broken[np.searchsorted(broken, min(at + run + 1, len(rows)))])
