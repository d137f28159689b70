"""
Numbers of identity documents: what a South African identity number says of itself, and passports.

A South African number is `YYMMDD SSSS C A Z`: birth date, serial number of the day, citizenship,
a digit without meaning today, and the check digit by Luhn's formula (ISO/IEC 7812-1, annex B).
"""

import re
from datetime import date
from functools import cache
from importlib import resources
from operator import itemgetter

SOUTH_AFRICA = "ZA"
LENGTH = 13
CITIZEN, PERMANENT_RESIDENT, REFUGEE = "0", "1", "2"
CENTURIES = (1900, 2000)
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
_SHOWN = 3


class BadNumber(ValueError):
    """Not a number of such a document; the text says why, and never repeats it."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def plain(number: str) -> str:
    """A number as it is kept: without the spaces and hyphens that people put into it."""
    return re.sub(r"[\s-]", "", number).upper()


def check_south_african(number: str, *, today: date) -> None:
    """:raises BadNumber: if nobody has such an identity number."""
    if len(number) != LENGTH or not (number.isascii() and number.isdigit()):
        raise BadNumber("digits", "A South African identity number has 13 digits.")
    if not _is_born(number, today):
        raise BadNumber("birth_date", "The number begins with a birth date, as YYMMDD.")
    if number[10] not in (CITIZEN, PERMANENT_RESIDENT, REFUGEE):
        raise BadNumber("citizenship", "The eleventh digit is 0, 1 or 2.")
    if _luhn_sum(number) % 10:
        raise BadNumber("check_digit", "The last digit does not fit the others: look again.")


def check_passport(number: str) -> None:
    """:raises BadNumber: if it is none."""
    if not _PASSPORT.fullmatch(number):
        raise BadNumber("invalid", "A passport number has 5 to 20 letters and digits.")


def masked(length: int, ending: str) -> str:
    """A number as it is shown: its last characters alone."""
    return ending.rjust(length, "*")


def ending(number: str) -> str:
    """The part of a number that is shown; it tells whose it is to nobody who does not know it."""
    return number[-_SHOWN:]


@cache
def countries() -> dict[str, str]:
    """Names of countries by their code of two letters (ISO 3166-1), as in the zone database."""
    table = resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    rows = [line.partition("\t") for line in table.splitlines() if not line.startswith("#")]
    return {code: name for code, _, name in sorted(rows, key=itemgetter(2))}


def _is_born(number: str, today: date) -> bool:
    """Whether the number begins with a day of either century that has come."""
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    for century in CENTURIES:
        try:
            born = date(century + year, month, day)
        except ValueError:
            continue
        if born <= today:
            return True
    return False


def _luhn_sum(number: str) -> int:
    doubled = (2 * int(digit) for digit in number[-2::-2])
    return sum(int(digit) for digit in number[-1::-2]) + sum(sum(divmod(n, 10)) for n in doubled)
