"""
Pages of a list in one envelope, by number or by cursor.

A cursor names the last row that was given, so that its cost does not grow with depth.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import parsing, problems, totals
from quantify.api.filters import PAGING

HIGHEST_PAGE = 1_000_000
START = ""


class EnvelopePagination(BasePagination):
    """
    Pages by `page` and `per_page`; by `cursor` too where the view names `cursor_fields`.

    `?cursor=` (empty) asks for the first page by cursor.
    """

    envelope: dict[str, Any]
    has_cursor = False
    """Whether the list it describes goes by cursor too."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        per_page = _number(request, "per_page", settings.DEFAULT_PAGE_SIZE, settings.MAX_PAGE_SIZE)
        token = request.query_params.get("cursor")
        if token is not None:
            return self._by_cursor(queryset, request, per_page, token, view)
        page = _number(request, "page", 1, HIGHEST_PAGE)
        rows, total = _numbered(queryset, page, per_page, is_long=_is_long(view))
        pages = -(-total // per_page)
        self.envelope = {
            "page": page,
            "per_page": per_page,
            "total": total,
            "pages": pages,
            "next_page": page + 1 if page < pages else None,
            "prev_page": min(page - 1, pages) if page > 1 and pages else None,
        }
        return rows

    def _by_cursor(
        self, queryset: QuerySet, request: Request, per_page: int, token: str, view: Any
    ) -> list[Any]:
        fields: Sequence[str] = view.cursor_fields
        if "page" in request.query_params or "sort" in request.query_params:
            raise problems.invalid("cursor", "exclusive", "A cursor excludes page and sort.")
        if request.query_params.get("order") not in (None, _order_of(fields)):
            fields = [_opposite(field) for field in fields]
        if token != START:
            queryset = queryset.filter(_after(queryset.model, fields, token))
        rows = list(view.first_of(queryset, fields, per_page + 1))
        more, rows = len(rows) > per_page, rows[:per_page]
        self.envelope = dict.fromkeys(("page", "total", "pages", "next_page", "prev_page"))
        self.envelope["per_page"] = per_page
        self.envelope["next_cursor"] = _token(rows[-1], fields) if more else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, **self.envelope})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """By cursor nobody counts: what a list of cursors would have to count is null."""
        counted = {"type": ["integer", "null"] if self.has_cursor else "integer"}
        neighbour = {"type": ["integer", "null"]}
        properties = {
            **dict.fromkeys(("page", "total", "pages"), counted),
            **dict.fromkeys(("next_page", "prev_page"), neighbour),
            "per_page": {"type": "integer"},
        }
        cursor = {"next_cursor": {"type": ["string", "null"]}} if self.has_cursor else {}
        return {
            "type": "object",
            "required": ["data", *properties],
            "properties": {"data": schema, **properties, **cursor},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        most = {"page": HIGHEST_PAGE, "per_page": settings.MAX_PAGE_SIZE}
        first = {"page": 1, "per_page": settings.DEFAULT_PAGE_SIZE}
        schemas: dict[str, dict[str, Any]] = {
            name: {"type": "integer", "minimum": 1, "maximum": most[name], "default": first[name]}
            for name in PAGING
        }
        if getattr(view, "cursor_fields", None):
            schemas["cursor"] = {"type": "string"}
        return [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in schemas.items()
        ]


def _numbered(
    queryset: QuerySet, page: int, per_page: int, *, is_long: bool
) -> tuple[list[Any], int]:
    """The rows of a page, and how many there are in all."""
    first = list(queryset[:per_page]) if page == 1 else []
    if page == 1 and len(first) < per_page:
        # Nothing is left to count.
        return first, len(first)
    total = totals.of_long(queryset) if is_long else queryset.count()
    start = (page - 1) * per_page
    if page == 1 or start >= total:
        return first, total
    return list(queryset[start : start + per_page]), total


def _is_long(view: Any) -> bool:
    return bool(getattr(view, "cursor_fields", ()))


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise problems.invalid(name, "invalid", f"Give a whole number from 1 to {most}.")
    return int(text)


def _order_of(fields: Sequence[str]) -> str:
    return "desc" if fields[0].startswith("-") else "asc"


def _opposite(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def _token(row: Any, fields: Sequence[str]) -> str:
    values = [_text(row, name.lstrip("-")) for name in fields]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _text(row: Any, name: str) -> str:
    value = row[name] if isinstance(row, dict) else getattr(row, name)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _values(model: type[Model], fields: Sequence[str], token: str) -> list[Any]:
    try:
        return [
            model._meta.get_field(name.lstrip("-")).to_python(value)  # type: ignore[union-attr]
            for name, value in zip(fields, _written(token), strict=True)
        ]
    except (binascii.Error, ValueError, TypeError, ValidationError) as error:
        raise problems.invalid("cursor", "invalid", "This cursor was not given here.") from error


def _written(token: str) -> list[str]:
    text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    written = parsing.read(text)
    if not all(isinstance(value, str) for value in written):
        raise ValueError("what a cursor names is written as texts")
    return list(written)


def _after(model: type[Model], fields: Sequence[str], token: str) -> Q:
    """
    The rows behind the one a cursor names, by several fields of either direction.

    The bound of the first field alone says nothing new, but an index can begin there.
    """
    behind, same, bound = Q(), Q(), Q()
    for field, value in zip(fields, _values(model, fields, token), strict=True):
        name = field.lstrip("-")
        comparison = "lt" if field.startswith("-") else "gt"
        behind |= same & Q(**{f"{name}__{comparison}": value})
        bound = bound or Q(**{f"{name}__{comparison}e": value})
        same &= Q(**{name: value})
    return bound & behind
