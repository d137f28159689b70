"""The lines of the log, as production would write them."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from quantify.api.logs import JsonFormatter


class Keeper(logging.Handler):
    """Keeps each line as production would write it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def events(self, name: str) -> list[dict]:
        return [line for line in map(json.loads, self.lines) if line.get("event") == name]


@contextmanager
def keeping() -> Iterator[Keeper]:
    """Keep every line of every logger, at the levels of production."""
    keeper, root = Keeper(), logging.getLogger()
    levels = {"": "INFO", "quantify.requests": "INFO", "django.request": "ERROR",
              "django.security": "ERROR", "axes": "CRITICAL"}  # fmt: skip
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.addHandler(keeper)
    yield keeper
    root.removeHandler(keeper)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
