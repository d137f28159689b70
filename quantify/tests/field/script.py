"""
What happens to each home in the day of the proof, drawn from one seed.

The script is the test's own knowledge: who paid what and when, who may not be cut and why. The
product reads none of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

from meters.dlms.simulator.plans import Kind

# Rand a Wh or a litre, with 15 % VAT: R20.00 a kWh or a kl.
PRICE = Decimal("0.023")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Purse(StrEnum):
    """How a home pays."""

    RICH = "paid for days"
    POOR = "runs out and stays out"
    LATE = "runs out and pays hours later"
    SWINGING = "pays R20 each time it is cut"
    RACING = "pays while the line to cut it is opened"


class Mishap(StrEnum):
    """What goes wrong with a meter itself."""

    NONE = "nothing"
    HOLE = "an hour of its profile is hidden at first"
    DAY_MISSING = "a day of its profile is hidden, and asked for by hand later"
    AWAY = "not reached for most of the day"
    FROZEN = "its relay answers and its profile stands still"
    CLOCK = "its clock jumps"
    CLAIMED = "a second concentrator claims it"


CLOCK_JUMPS = (
    5 * MINUTE, -5 * MINUTE, HOUR, -HOUR, timedelta(days=-20_648), timedelta(days=26_500),
)  # fmt: skip


@dataclass(slots=True)
class Home:
    """One metered unit of the script; `device` is its meter's logical device."""

    device: int
    estate: int
    kind: Kind
    purse: Purse = Purse.RICH
    mishap: Mishap = Mishap.NONE
    protected: tuple[datetime, datetime] | None = None
    unwarned: bool = False
    trouble: tuple[datetime, datetime] | None = None
    jump: timedelta = timedelta(0)
    paid: list[tuple[datetime, Decimal]] = field(default_factory=list)

    def paid_by(self, at: datetime) -> Decimal:
        return sum((amount for when, amount in self.paid if when <= at), Decimal(0))

    def is_protected(self, at: datetime) -> bool:
        return _within(self.protected, at)

    def is_in_trouble(self, at: datetime) -> bool:
        return _within(self.trouble, at)

    @property
    def serial(self) -> str:
        return f"FLD{self.device:06}"


def _within(span: tuple[datetime, datetime] | None, at: datetime) -> bool:
    return span is not None and span[0] <= at < span[1]


@dataclass(frozen=True, slots=True)
class Day:
    """When it plays: the estate is metered from `epoch`, watched from `start`, healed at `end`."""

    epoch: datetime
    start: datetime
    end: datetime
    mail_from: datetime
    inhibited: tuple[tuple[datetime, datetime], ...]

    def is_inhibited(self, at: datetime) -> bool:
        return any(_within(span, at) for span in self.inhibited)

    def share(self, part: float) -> datetime:
        """An instant within the day, at a quarter of an hour."""
        quarters = round((self.end - self.start) * part / (15 * MINUTE))
        return self.start + quarters * 15 * MINUTE


def cast(day: Day, *, homes: int, seed: int) -> list[Home]:
    """The homes of two estates, each with its purse and its mishap; every kind is there."""
    chance = Random(seed)
    purses, mishaps = _dealt(Purse, homes, chance), _dealt(Mishap, homes, chance)
    drawn = []
    for number, (purse, mishap) in enumerate(zip(purses, mishaps, strict=True)):
        water = number % 6 == 5
        home = Home(101 + number, number % 2, Kind.WATER if water else Kind.ELECTRICITY)
        home.purse = Purse.RICH if water else purse
        home.mishap = Mishap.NONE if water and mishap is Mishap.FROZEN else mishap
        _plan(home, day, chance)
        drawn.append(home)
    return drawn


def _dealt[Kind: StrEnum](kinds: type[Kind], count: int, chance: Random) -> Sequence[Kind]:
    dealt = [list(kinds)[number % len(kinds)] for number in range(count)]
    chance.shuffle(dealt)
    return dealt


def _plan(home: Home, day: Day, chance: Random) -> None:
    home.trouble = _trouble(home.mishap, day, chance)
    if home.mishap is Mishap.CLOCK:
        home.jump = CLOCK_JUMPS[home.device % len(CLOCK_JUMPS)]
    if home.purse is Purse.POOR and chance.random() < 0.3:
        home.protected = chance.choice(
            [(day.epoch, day.end), (day.share(0.4), day.end), (day.epoch, day.share(0.6))]
        )
    home.unwarned = home.purse is Purse.POOR and home.protected is None and chance.random() < 0.3


def _trouble(mishap: Mishap, day: Day, chance: Random) -> tuple[datetime, datetime] | None:
    begins = day.share(chance.uniform(0.1, 0.3))
    match mishap:
        case Mishap.HOLE:
            return begins, begins + HOUR
        case Mishap.DAY_MISSING:
            return day.start - DAY, day.start
        case Mishap.AWAY:
            return day.share(0.05), day.share(0.95)
        case Mishap.FROZEN:
            return begins, day.share(0.9)
        case Mishap.CLOCK:
            return begins, day.end
    return None
