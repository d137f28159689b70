"""JSON that was sent by anybody: of a bounded depth, so that no reader of it runs out of stack."""

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST = 64
TOO_DEEP = f"The JSON is nested deeper than {DEEPEST} levels."


class JsonParser(JSONParser):
    """Bodies as JSON."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """:raises ParseError: for what is no JSON, or too deep."""
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        if _is_deeper(value):
            raise ParseError(TOO_DEEP)
        return value


def read(text: str | bytes, **options: Any) -> Any:
    """
    What a JSON text says; `options` are those of `json.loads`.

    :raises ValueError: for what is no JSON, or too deep.
    """
    try:
        value = json.loads(text, **options)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    if _is_deeper(value):
        raise ValueError(TOO_DEEP)
    return value


def _is_deeper(value: Any) -> bool:
    """Level by level, which needs no stack."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return False
    return True


def _within(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []
