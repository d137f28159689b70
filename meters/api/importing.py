"""Importing readings from a CSV file over the API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from meters.importing import files
from meters.importing import readings as importing
from meters.importing.readings import RESULTS, Imported
from quantify.api import problems
from quantify.api.filters import wants_preview
from quantify.api.problems import Problem
from quantify.api.views import View, told

SHOWN = 1000
NOT_A_TABLE = problems.define(
    "not_a_table", HTTPStatus.BAD_REQUEST, "Not a table of readings",
    "The file is too large, is no UTF-8 CSV, or lacks columns; nothing was recorded.",
)  # fmt: skip


class CsvParser(BaseParser):
    """The body as it came, as far as a file may reach."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return stream.read(files.LARGEST + 1)


class ImportLineSerializer(serializers.Serializer):
    line = serializers.IntegerField(source="line.number")
    meter = serializers.CharField(source="line.meter")
    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField()


class ImportedSerializer(serializers.Serializer):
    """How many lines came to what, and the first thousand that were not taken."""

    is_preview = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())
    failures = ImportLineSerializer(many=True)


class ReadingImport(View):
    """`POST /readings/import`: a CSV file as the body."""

    parser_classes = (CsvParser,)
    permission_names = {"post": "meters.add_reading"}
    parameters = {"post": ("preview",)}
    refusals = {"post": (NOT_A_TABLE,)}

    @extend_schema(
        operation_id="readings_import",
        parameters=[OpenApiParameter("preview", str, enum=["true", "false"])],
        request={"text/csv": OpenApiTypes.STR},
        responses=ImportedSerializer,
    )
    def post(self, request: Request) -> Response:
        """
        Record readings; with `preview=true` only say what would come of it.

        Columns: meter (serial), taken_at, value (kWh or kl) and, if need be, register.
        """
        is_preview = wants_preview(request)
        body: Any = request.data
        content = body if isinstance(body, bytes) else b""
        try:
            lines = files.read(content)
        except files.NotATable as error:
            raise Problem(NOT_A_TABLE, str(error)) from error
        work = importing.preview if is_preview else importing.record
        imported = work(lines, user=request.user, now=timezone.now())
        return told(ImportedSerializer(_body(imported, is_preview=is_preview)).data)


def _body(imported: Imported, *, is_preview: bool) -> dict[str, Any]:
    return {
        "is_preview": is_preview,
        "counts": imported.counts,
        "failures": imported.failures[:SHOWN],
    }
