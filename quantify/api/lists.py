"""Lists as files: exactly the rows that the filters leave, by what `Accept` asks for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from operator import attrgetter
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from quantify.api import problems
from quantify.api.files import CsvRenderer, XlsxRenderer
from quantify.api.headers import FILE_NAME, answers_with
from quantify.api.problems import Problem
from quantify.api.views import Listed
from quantify.periods import local_day
from quantify.tables.description import Column, Kind, Table, Value
from quantify.tables.files import download

MOST = 100_000
AT_ONCE = 2000
PAGING = ("page", "per_page", "cursor")
TOO_MANY = problems.define(
    "too_many_rows", HTTPStatus.BAD_REQUEST, "Too many rows for a file",
    f"A list as a file has at most {MOST} rows: filter it further.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a list, and where its value is in a row: `unit.estate.code`, or a function."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    source: str | Callable[[Any], Value] = ""

    @property
    def column(self) -> Column:
        return Column(self.name, self.title, self.kind)

    def value(self, row: Any) -> Value:
        own = self.source or self.name
        found: Any = own(row) if callable(own) else attrgetter(own)(row)
        if isinstance(found, datetime):
            return timezone.localtime(found)
        return str(found) if isinstance(found, UUID) else found


class ListedAsFile(Listed):
    """
    `GET /things` as JSON, `text/csv` or XLSX.

    `file_fields` are the columns, `file_related` what they need beside the row, `file_title` names
    the sheet and the file.
    """

    file_title: ClassVar[str]
    file_fields: ClassVar[Sequence[Field]]
    file_related: ClassVar[Sequence[str]] = ()

    def get_renderers(self) -> list[BaseRenderer]:
        renderers: list[BaseRenderer] = super().get_renderers()
        files: list[BaseRenderer] = [CsvRenderer(), XlsxRenderer()]
        return renderers + files if self.action == "list" else renderers

    @answers_with(FILE_NAME)
    def list(self, request: Request, **kwargs: Any) -> Any:
        asked = request.accepted_renderer.format
        return super().list(request, **kwargs) if asked == "json" else self._as_file(asked)

    def _as_file(self, asked: str) -> HttpResponseBase:
        paged = [name for name in PAGING if name in self.request.query_params]
        if paged:
            raise problems.invalid(paged[0], "exclusive", "A file has all rows, and no pages.")
        rows = self.filter_queryset(self.get_queryset())
        if rows.count() > MOST:
            raise Problem(TOO_MANY)
        table = Table(
            self.file_title, [field.column for field in self.file_fields], self._values(rows)
        )
        return download(table, asked, f"{self.file_title}-{local_day(timezone.now())}")

    def _values(self, rows: QuerySet) -> Iterator[Sequence[Value]]:
        rows = rows.select_related(*self.file_related) if self.file_related else rows
        for row in rows.iterator(AT_ONCE):
            yield [field.value(row) for field in self.file_fields]
