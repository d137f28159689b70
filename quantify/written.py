"""
Days, instants and numbers as people and programs write them; nothing is guessed.

Python's own readers take more: week dates, digits of any script, `1_000`, `1e3`.
"""

import re
from datetime import date, datetime
from decimal import Decimal

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
DAY = re.compile(_DAY)
INSTANT = re.compile(rf"{_DAY}[Tt ]{_TIME}([Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})?")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def day(text: str) -> date | None:
    """A day as `2026-07-01`; None for anything else."""
    return _read(date, text) if DAY.fullmatch(text) else None


def instant(text: str) -> datetime | None:
    """
    An instant as `2026-07-01T08:15:00+02:00` (ISO 8601), without an offset a naive one.

    The offset's colon may be missing, and seconds; None for anything else.
    """
    return _read(datetime, text.upper()) if INSTANT.fullmatch(text) else None


def number(text: str) -> Decimal | None:
    """A plain decimal number such as `12.50`; None for anything else."""
    return Decimal(text) if NUMBER.fullmatch(text) else None


def _read[T: date](kind: type[T], text: str) -> T | None:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        return None
