"""
The checks on metered data: the one table of their names, outcomes and parameters.

Sources, as named in the table: `CA` the Californian direct access standards for metering data
(VEE, revision 2.0), `Oracle` the rule catalogue of Oracle Utilities MDM, `E460` that meter's data
sheet, `IEC` 62056, `own` a choice of ours. Every parameter may be set per estate within its
bounds. What the table says is told to people in docs/vee.md.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal


class Rule(enum.IntFlag):
    """What a single reading can break, or what a person said of it; kept with it as bits."""

    NEGATIVE_STEP = 1
    ROLLOVER = 2
    PHYSICAL_MAXIMUM = 4
    GAP = 8
    STATUS_INVALID = 16
    STATUS_SUSPECT = 32
    UNALIGNED = 64
    IN_THE_FUTURE = 128
    OPENING = 256  # no fault: the register at an installation, from which it counts anew
    CLOCK_DRIFT = 512
    EDITED = 1024  # no fault: a person's value stands in place of what was read
    ACCEPTED = 2048  # no fault: a person said that it stands, whatever the checks say
    REJECTED = 4096

    @property
    def names(self) -> list[str]:
        return [rule.name.lower() for rule in Rule if rule in self and rule.name]


class Subject(enum.StrEnum):
    """What a check looks at."""

    VISIT = "a visit to the meter"
    READING = "each reading"
    DAY = "each finished day"
    METER = "the meter as it stands"


class Outcome(enum.StrEnum):
    """What comes of it."""

    REJECT = "reject"
    FLAG = "flag"
    ESTIMATE = "estimate"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A limit of a check: its default, its unit, and how far an estate may move it."""

    name: str
    default: Decimal
    unit: str
    lowest: Decimal
    highest: Decimal
    means: str


AT_UNITS = ("electricity", "water")
EVERY_KIND = (*AT_UNITS, "solar", "bulk_electricity", "bulk_water")
ON_READINGS = ("accept", "edit", "reject", "snooze")


@dataclass(frozen=True, slots=True)
class Check:
    """
    One check; `code` is its id, kept with whatever it found.

    `says` is what a manager reads about it, `advice` what to do. `waits_for_a_person`: what it
    finds stands in the queue of exceptions, where `actions` can be taken. `kinds` are the kinds of
    meters it looks at.
    """

    code: str
    name: str
    subject: Subject
    outcome: Outcome
    says: str
    advice: str
    source: str
    parameters: tuple[Parameter, ...] = ()
    waits_for_a_person: bool = False
    kinds: tuple[str, ...] = EVERY_KIND
    actions: tuple[str, ...] = ("accept", "snooze")


def _p(name: str, default: str, unit: str, bounds: tuple[str, str], means: str) -> Parameter:
    return Parameter(name, Decimal(default), unit, Decimal(bounds[0]), Decimal(bounds[1]), means)


_READ_AGAIN = "Read the meter on the spot and enter the value, or reject the reading."
_LOOK = "Compare with the days around it; accept if the home can have used it."

CHECKS: tuple[Check, ...] = (
    Check(
        "identity", "Another meter answers", Subject.VISIT, Outcome.REJECT,
        "The serial that the meter names is not the registered one; nothing of it is kept.",
        "Correct the meter's address at its concentrator.", "CA",
    ),
    Check(
        "clock_drift", "Clock is wrong", Subject.VISIT, Outcome.REJECT,
        "The meter's clock is more than half an interval off: its readings belong to other times.",
        "The clock is set by itself. Replace the meter if it goes wrong again.", "CA",
        (_p("seconds", "450", "s", ("60", "900"), "off by more, readings do not count"),),
        waits_for_a_person=True,
    ),
    Check(
        "unaligned", "Between quarter hours", Subject.READING, Outcome.FLAG,
        "The reading was not taken at a quarter of an hour; it is kept and not used.",
        "Nothing to do.", "Oracle",
    ),
    Check(
        "conflict", "Two values for one time", Subject.READING, Outcome.FLAG,
        "The register was reported twice for the same time with different values; "
        "the first one stands.",
        "Accept the first, or edit the reading to the value that is right.", "Oracle",
        waits_for_a_person=True, actions=("accept", "edit", "snooze"),
    ),
    Check(
        "gap", "Readings are missing", Subject.READING, Outcome.ESTIMATE,
        "The total between the readings around the gap is exact, its shape is estimated.",
        "Nothing to do: it is replaced when the readings come.", "CA",
        (_p("history", "28", "days", ("7", "56"), "like days are looked for so far back"),),
    ),
    Check(
        "status_invalid", "Meter says invalid", Subject.READING, Outcome.ESTIMATE,
        "The meter marks the value itself: critical error, clock invalid or data not valid.",
        "Nothing to do unless it goes on.", "IEC",
    ),
    Check(
        "status_suspect", "Meter says suspect", Subject.READING, Outcome.FLAG,
        "The meter notes a clock that was adjusted, a recovered value or a power failure.",
        "Nothing to do.", "IEC",
    ),
    Check(
        "in_the_future", "From the future", Subject.READING, Outcome.REJECT,
        "The reading claims a time that has not come.", "Nothing to do unless it goes on.", "own",
        (_p("seconds", "60", "s", ("0", "900"), "a meter's clock may run ahead by this"),),
    ),
    Check(
        "negative_step", "Register went back", Subject.READING, Outcome.REJECT,
        "The register went back and did not roll over: the meter was reset or exchanged.",
        "If it was reset, accept: the register counts from the new value on. Otherwise reject.",
        "Oracle", waits_for_a_person=True, actions=ON_READINGS,
    ),
    Check(
        "rollover", "Register started again", Subject.READING, Outcome.FLAG,
        "The register reached its end and started again at zero; what was used is counted.",
        "Nothing to do.", "own",
        (_p("percent", "90", "%", ("50", "99"), "it stood above this share of its span before"),),
    ),
    Check(
        "physical_maximum", "More than the meter can carry", Subject.READING, Outcome.REJECT,
        "The register rose by more than the meter can carry in that time.",
        "Read the meter on the spot. Accept only if the register really shows it.", "E460",
        (
            _p("volts", "240", "V", ("100", "500"), "times the meter's rated current"),
            _p("percent", "120", "%", ("100", "200"), "of the rated power of an electricity meter"),
        ),
        waits_for_a_person=True, actions=ON_READINGS,
    ),
    Check(
        "spike", "Spike", Subject.DAY, Outcome.FLAG,
        "One quarter of an hour stands out far above the rest of its day.", _LOOK, "Oracle",
        (
            _p("ratio", "1.8", "times", ("0.5", "20"),
               "highest above third highest, by the third highest"),
            _p("floor", "0.5", "kWh", ("0.1", "10"), "smaller quarters are no spike"),
        ),
        waits_for_a_person=True, kinds=("electricity",),
        actions=("accept", "edit", "estimate", "snooze"),
    ),
    Check(
        "sum_check", "Intervals and registers differ", Subject.DAY, Outcome.FLAG,
        "The day's intervals do not add up to what the register counted; the register is right.",
        "Validate the day again; tell support if it comes back.", "Oracle",
        (_p("tolerance", "0.001", "kWh or kl", ("0", "1"), "a smaller difference is none"),),
        waits_for_a_person=True,
    ),
    Check(
        "high_low", "Unusual week", Subject.DAY, Outcome.FLAG,
        "The week used far more or far less a day than the home does in this season.", _LOOK,
        "Oracle",
        (
            _p("low", "0.4", "times", ("0", "0.9"), "of the usual day, below it is low"),
            _p("high", "2.0", "times", ("1.1", "20"), "of the usual day, above it is high"),
            _p("days", "28", "days", ("7", "180"), "of the season must be known"),
        ),
        waits_for_a_person=True, kinds=AT_UNITS,
    ),
    Check(
        "zero_too_long", "Nothing used for long", Subject.DAY, Outcome.FLAG,
        "An occupied home that is connected used nothing at all.",
        "Ask whether the home is empty; if not, look for a bypass or a meter that stands.",
        "Oracle",
        (
            _p("electricity", "24", "h", ("6", "720"), "without electricity"),
            _p("water", "72", "h", ("12", "720"), "without water"),
        ),
        waits_for_a_person=True, kinds=AT_UNITS,
    ),
    Check(
        "while_disconnected", "Used while disconnected", Subject.DAY, Outcome.ALARM,
        "The register counts while the relay is open: the supply is bypassed, or the relay stuck.",
        "Inspect the meter on the spot.", "Oracle",
        (_p("tolerance", "0.001", "kWh", ("0", "1"), "in a quarter of an hour is none"),),
        waits_for_a_person=True, kinds=("electricity", "solar"),
    ),
    Check(
        "solar_at_night", "Solar power at night", Subject.DAY, Outcome.FLAG,
        "The solar meter counts in the dark: it is wired wrong, or its clock is.",
        "Check the wiring and the clock of the meter.", "own",
        (_p("tolerance", "0.001", "kWh", ("0", "1"), "in a quarter of an hour is none"),),
        waits_for_a_person=True, kinds=("solar",),
    ),
    Check(
        "leak", "Water never stops", Subject.DAY, Outcome.ALARM,
        "Water ran all through the small hours, night after night.",
        "Tell the resident; look for a leak.", "own",
        (
            _p("nights", "3", "nights", ("1", "4"), "in a row"),
            _p("litres", "1", "l", ("1", "50"), "in the quietest quarter hour from 02:00 to 04:00"),
        ),
        waits_for_a_person=True, kinds=("water",),
    ),
    Check(
        "bypass", "Counts less than its neighbours", Subject.METER, Outcome.ALARM,
        "An occupied home counts far less than before, and than its neighbours did meanwhile.",
        "Inspect the meter and its wires on the spot; accept if the home really uses less.", "own",
        (
            _p("drop", "45", "%", ("20", "90"),
               "less than expected; half of it where the estate's loss rose as much"),
            _p("floor", "2", "kWh", ("0.5", "50"), "a day; homes that used less are left out"),
        ),
        waits_for_a_person=True, kinds=("electricity",),
    ),
    Check(
        "swapped", "Meters look swapped", Subject.METER, Outcome.ALARM,
        "A home counted on while its relay was open, and another stopped for just that time.",
        "Switch both homes one after the other while somebody watches the lights; then swap the "
        "meters' registrations or wires. Accept if they are right.", "own",
        (
            _p("quarters", "4", "quarters", ("2", "96"), "a cut must last so long to tell"),
            _p("tolerance", "0.001", "kWh", ("0", "1"), "in a quarter of an hour is no use"),
            _p("days", "14", "days", ("7", "56"),
               "before the cut the other home was never still for so long"),
        ),
        waits_for_a_person=True, kinds=("electricity",),
    ),
    Check(
        "prolonged_estimation", "Too long without readings", Subject.METER, Outcome.ALARM,
        "No reading counts for so long that what is used is unknown or estimated.",
        "Read the meter on the spot, enter the value, and repair the line to it.", "Oracle",
        (
            _p("warn", "24", "h", ("1", "168"), "then it stands in the queue"),
            _p("stop", "72", "h", ("24", "336"), "then credit control does not cut by itself"),
        ),
        waits_for_a_person=True, actions=("accept", "estimate", "snooze"),
    ),
)  # fmt: skip
BY_CODE: Mapping[str, Check] = {check.code: check for check in CHECKS}
PARAMETERS: Mapping[str, Parameter] = {
    f"{check.code}.{parameter.name}": parameter
    for check in CHECKS
    for parameter in check.parameters
}
DEFAULTS: Mapping[str, Decimal] = {key: one.default for key, one in PARAMETERS.items()}


class UnknownParameter(LookupError):
    """No check has such a parameter."""


class OutOfBounds(ValueError):
    """The limit lies where its check would make no sense."""


def checked(key: str, value: Decimal) -> Decimal:
    """
    A limit that an estate may set.

    :raises UnknownParameter: if no check has it.
    :raises OutOfBounds: if it lies beyond the bounds of the table.
    """
    parameter = PARAMETERS.get(key)
    if parameter is None:
        raise UnknownParameter(f"No check has a limit {key!r}.")
    if not value.is_finite() or not parameter.lowest <= value <= parameter.highest:
        bounds = f"{parameter.lowest} to {parameter.highest} {parameter.unit}"
        raise OutOfBounds(f"{BY_CODE[key.partition('.')[0]].name}: give {bounds}.")
    return value


def queue() -> Iterator[Check]:
    """The checks whose finds wait for a person."""
    return (check for check in CHECKS if check.waits_for_a_person)
