"""The reports of the catalogue, as JSON and for spreadsheets."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import FileResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import problems
from quantify.api.files import TabularView
from quantify.api.headers import FILE_NAME, answers_with
from quantify.api.tables import row_of
from quantify.api.views import told
from quantify.quantities import Utility
from quantify.snapshots import snapshot
from quantify.tables.files import FORMATS, TooManyRows, download
from reports.api import asked
from reports.report import BEGINNING, Answer, Question, Report

MOST_ROWS = 20_000
"""In one JSON answer; CSV and XLSX are written row by row, and have no such bound."""


class ReportView(TabularView):
    """`GET /reports/{slug}`"""

    report: ClassVar[Report]
    http_method_names = ["get", "head"]
    permission_names = {"get": "reports.view_report", "head": "reports.view_report"}
    parameters = {"get": asked.NAMES, "head": asked.NAMES}
    refusals = {"get": (problems.NOT_FOUND,), "head": (problems.NOT_FOUND,)}

    def answered(self, request: Request) -> Response | FileResponse:
        question = self._question(request)
        kind = request.accepted_renderer.format
        with snapshot(), self.report.answer(question) as answer:
            if kind in FORMATS:
                table = self.report.table(question, answer.rows)
                try:
                    return download(table, kind, self.report.file_name(question))
                except TooManyRows as error:
                    raise problems.invalid("to", "too_many", str(error)) from error
            if answer.count is not None and answer.count > MOST_ROWS:
                raise problems.invalid(
                    "to", "too_many", f"{answer.count} rows: ask for fewer days, or for CSV."
                )
            return told(as_json(self.report, question, answer))

    def _question(self, request: Request) -> Question:
        """
        What a request asks.

        :raises Problem: 422 for a bad parameter, or more days than the report reads.
        """
        estate, now = asked.estate(request), timezone.now()
        first, last = asked.period(request, estate, now, self.report.starts)
        group_by = asked.choice(request, "group_by", self.report.groups)
        group_by = group_by or self.report.default_group
        longest = self.report.longest(group_by)
        if first != BEGINNING and last - first > longest:
            problem = f"This report reads at most {longest.days} days."
            raise problems.invalid("to", "too_long", problem)
        return Question(
            estate=estate,
            first_day=first,
            last_day=last,
            utility=asked.choice(request, "utility", Utility),
            group_by=group_by,
            now=now,
            sees_people=request.user.has_perm("units.view_resident"),
        )


def as_json(report: Report, question: Question, answer: Answer) -> dict[str, Any]:
    """A whole answer, as the API writes it."""
    first = None if question.first_day == BEGINNING else question.first_day.isoformat()
    return {
        "estate": str(question.estate.pk),
        "from": first,
        "to": question.last_day.isoformat(),
        "utility": question.utility and question.utility.value,
        "group_by": question.group_by.value,
        "rows": list(report.table(question, answer.rows).as_json()),
        "totals": list(report.table(question, answer.totals).as_json()),
        **{
            name: list(report.section(name, answer.sections.get(name, ())).as_json())
            for name in report.sections
        },
    }


def view_of(report: Report) -> type[ReportView]:
    """The operation of a report, with its shape in the document."""
    name = "".join(word.title() for word in report.slug.split("-"))
    described = extend_schema(
        operation_id=f"report_{report.slug.replace('-', '_')}",
        summary=report.title,
        description=report.says,
        responses={
            (200, "application/json"): _shape(name, report),
            (200, "text/csv"): OpenApiTypes.STR,
            (200, FORMATS["xlsx"].media_type): OpenApiTypes.BINARY,
        },
        parameters=asked.parameters(report.groups, report.starts),
    )

    # Each has an operation of its own to describe: that of the class would be described nine times.
    @answers_with(FILE_NAME)
    def get(self: ReportView, request: Request) -> Response | FileResponse:
        return self.answered(request)

    made: type[ReportView] = type(
        f"{name}View", (ReportView,), {"report": report, "get": described(get)}
    )
    return made


def _shape(name: str, report: Report) -> type[serializers.Serializer]:
    def rows(title: str, tables: Sequence[Any], *, is_total: bool = False) -> Any:
        return row_of(f"{name}{title}", tables, is_total=is_total)(many=True)

    fields = {
        "__doc__": report.says,
        "estate": serializers.UUIDField(),
        "from": serializers.DateField(allow_null=True),
        "to": serializers.DateField(),
        "utility": serializers.CharField(allow_null=True),
        "group_by": serializers.CharField(),
        "rows": rows("Row", list(report.columns.values())),
        "totals": rows("Total", list(report.columns.values()), is_total=True),
        **{one: rows(one.title(), [section.columns]) for one, section in report.sections.items()},
    }
    made: type[serializers.Serializer] = type(
        f"{name}Serializer", (serializers.Serializer,), fields
    )
    return made
