"""Take the fields of one JSON object, noting everything that is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict

from quantify.written import NUMBER
from rates.problems import Problem

PRICE_PLACES = 6
LIMIT = Decimal(1_000_000_000)
NOTHING = Decimal(0)
LONGEST_NAME = 120


class Labels(TypedDict):
    """What every component may carry."""

    name: str
    season: str | None


class Fields:
    """
    Reads an object field by field; a bad field is reported and a stand-in returned.

    Whoever reads must look at the list of problems before using what was read.
    """

    def __init__(self, written: Any, path: str, problems: list[Problem]) -> None:
        self._path = path
        self._problems = problems
        self._taken: set[str] = set()
        self._written: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
        if not isinstance(written, Mapping):
            self.report("", "not_an_object", "Write an object with its fields.")

    def report(self, field: str, code: str, message: str) -> None:
        self._problems.append(Problem(self._at(field), code, message))

    def _at(self, field: str) -> str:
        return ".".join(part for part in (self._path, field) if part)

    def take(self, field: str) -> Any:
        self._taken.add(field)
        return self._written.get(field)

    def finish(self) -> None:
        """Report the fields nobody took: a slip in a name must not lose a price."""
        for field in self._written.keys() - self._taken:
            self.report(field, "unknown_field", "Remove this field or correct its name.")

    def price(self, field: str = "price") -> Decimal:
        return self.decimal(field)

    def decimal(
        self,
        field: str,
        *,
        least: Decimal = NOTHING,
        most: Decimal = LIMIT,
        places: int = PRICE_PLACES,
    ) -> Decimal:
        value = self.take(field)
        if value is None:
            self.report(field, "missing", 'Give a decimal as text, such as "2.0967".')
            return NOTHING
        number = _decimal(value)
        if number is None:
            self.report(field, "not_a_number", 'Write a decimal as text, such as "2.0967".')
        elif number < least and least == NOTHING:
            self.report(field, "negative", "Give zero or more.")
        elif not least <= number <= most:
            self.report(field, "out_of_range", f"Give a number from {least} to {most}.")
        elif number != round(number, places):
            self.report(field, "too_many_decimals", f"Give at most {places} decimals.")
        else:
            return number
        return NOTHING

    def text(self, field: str, *, required: bool = False, longest: int = LONGEST_NAME) -> str:
        value = self.take(field)
        if value in (None, "") and not required:
            return ""
        if not _is_name(value, longest):
            or_not = "" if required else ", or leave out"
            self.report(field, "not_a_text", f"Write 1 to {longest} characters{or_not}.")
            return ""
        return str(value)

    def flag(self, field: str) -> bool:
        value = self.take(field)
        if value not in (None, True, False):
            self.report(field, "not_a_flag", "Write true or false.")
        return value is True

    def day(self, field: str) -> date | None:
        value = self.take(field)
        try:
            return None if value is None else date.fromisoformat(value)
        except (TypeError, ValueError):
            self.report(field, "not_a_day", 'Write a day as "2026-07-01".')
            return None

    def choice[Choice: StrEnum](self, field: str, choices: type[Choice], default: Choice) -> Choice:
        value = self.take(field)
        if value is None:
            return default
        try:
            return choices(value)
        except ValueError:
            self.report(field, "unknown_choice", f"Use one of {', '.join(choices)}.")
            return default

    def one_of(self, field: str, choices: Sequence[int]) -> int:
        """One of some whole numbers; the first if the field is left out."""
        value = self.take(field)
        if value is None:
            return choices[0]
        number = _decimal(value)
        if number is None or number not in choices:
            allowed = ", ".join(str(choice) for choice in choices)
            self.report(field, "unknown_choice", f"Use one of {allowed}.")
            return choices[0]
        return int(number)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of names; none if the field is left out."""
        value = self.take(field)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not value or not all(map(_is_name, value)):
            self.report(field, "not_texts", "Give a list of names, or leave out.")
            return ()
        return tuple(value)

    def labels(self) -> Labels:
        return {"name": self.text("name"), "season": self.text("season") or None}

    def items(self, field: str) -> Iterator["Fields"]:
        """The objects of a list, each finished after it was read."""
        value = self.take(field)
        if not isinstance(value, list | tuple) or not value:
            self.report(field, "missing", "Give a list with at least one object.")
            return
        for position, written in enumerate(value):
            item = Fields(written, f"{self._at(field)}[{position}]", self._problems)
            yield item
            item.finish()

    def prices(self, field: str) -> tuple[tuple[str, Decimal], ...]:
        """An object of prices by name."""
        value = self.take(field)
        if not isinstance(value, Mapping) or not value:
            self.report(field, "missing", "Give a price for each band.")
            return ()
        named = Fields(value, self._at(field), self._problems)
        return tuple((str(name), named.price(str(name))) for name in value)


def _is_name(value: Any, longest: int = LONGEST_NAME) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= longest


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, str) and NUMBER.fullmatch(value) is None:
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None
