"""
What a report is: what it is asked, and the tables it answers with.

Each report is a module with one query function; it is described here once, and the API, the
files and the portal are made from the description. Reports only read.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from estates.models import Estate
from quantify.periods import EPOCH, Period, midnight
from quantify.quantities import Utility
from quantify.tables.description import Column, Table, Value

DAY = timedelta(days=1)
BEGINNING = EPOCH.date()
"""The first day of a report that looks back as far as anything is known."""

MOST = timedelta(days=366)
MOST_OF_INTERVALS = timedelta(days=92)
"""500 meters have four and a half million intervals in so many days."""

type Row = Sequence[Value]


class Starts(StrEnum):
    """Which days a report is about if none are named."""

    LAST_MONTH = "last_month"
    TODAY = "today"
    """This month so far."""
    BEGINNING = "beginning"
    """Everything up to today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a report is asked: local days, both included; `sees_people` allows names."""

    estate: Estate
    first_day: date
    last_day: date
    utility: Utility | None
    group_by: StrEnum
    now: datetime
    sees_people: bool = False

    @property
    def period(self) -> Period:
        """The instants of the days."""
        zone = self.estate.zone
        return Period(midnight(self.first_day, zone), midnight(self.last_day + DAY, zone))

    @property
    def utilities(self) -> list[Utility]:
        return [self.utility] if self.utility else list(Utility)


@dataclass(frozen=True, slots=True)
class Note:
    """
    What a reader of the answer must know; and where to go about it, for who may.

    The words may name what `about` is told.
    """

    words: str
    _: KW_ONLY
    leads_to: str = ""
    """The name of a page's address."""
    link_words: str = ""
    permission: str = ""

    def about(self, **named: Any) -> Self:
        return replace(self, words=self.words.format(**named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    The rows, what they add up to in the same columns (blank where nothing adds up), and more.

    `notes` are for the page: files and the API say the same in a column of their own.

    `rows` may be made while they are read, once, and only within the snapshot of the answer, which
    ends their reading with `with`; `count` then says how many there are.
    """

    rows: Iterable[Row]
    totals: Sequence[Row] = ()
    sections: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    count: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.rows, Generator):
            self.rows.close()


@dataclass(frozen=True, slots=True)
class Section:
    """A further table beside the rows."""

    title: str
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    A report: `columns` of its rows by group, the first of which is what it does unasked.

    `of_intervals` are the groups that read intervals, and so take fewer days.
    """

    slug: str
    title: str
    says: str
    columns: Mapping[Any, Sequence[Column]]
    answer: Callable[[Question], Answer]
    sections: Mapping[str, Section] = field(default_factory=dict)
    starts: Starts = Starts.LAST_MONTH
    of_intervals: Collection[Any] = ()

    def longest(self, group_by: StrEnum) -> timedelta:
        """From the first day to the last one at most."""
        return MOST_OF_INTERVALS if group_by in self.of_intervals else MOST

    @property
    def groups(self) -> type[StrEnum]:
        return type(self.default_group)

    @property
    def default_group(self) -> StrEnum:
        first: StrEnum = next(iter(self.columns))
        return first

    def file_name(self, question: Question) -> str:
        """Without its ending: what it is, of which estate, and of which days."""
        days = f"{question.last_day}"
        if question.first_day != BEGINNING:
            days = f"{question.first_day}-{days}"
        return f"{self.slug}-{question.estate.code}-{days}"

    def table(self, question: Question, rows: Iterable[Row]) -> Table:
        """Some rows of its answer as a table."""
        return Table(self.title, self.columns[question.group_by], rows)

    def section(self, name: str, rows: Iterable[Row]) -> Table:
        """The rows of a section as a table."""
        return Table(self.sections[name].title, self.sections[name].columns, rows)
