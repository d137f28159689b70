"""Answers as files: what `Accept`, or the parameter `format`, asks for."""

import json
from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from quantify.api import problems
from quantify.api.views import View
from quantify.tables.files import FORMATS

FORMAT = OpenApiParameter(
    "format", OpenApiTypes.STR, enum=["json", *FORMATS], description="Goes before `Accept`."
)


class Ready(BaseRenderer):
    """Gives on what was made before; problems stay JSON whatever was asked for."""

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        if isinstance(data, bytes):
            return data
        return json.dumps(data, default=str).encode()


class CsvRenderer(Ready):
    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


class XlsxRenderer(Ready):
    media_type = FORMATS["xlsx"].media_type
    format = "xlsx"
    charset = None
    render_style = "binary"


class FormatFirst(DefaultContentNegotiation):
    """The parameter `format`, else the header `Accept`."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> Any:
        asked = request.query_params.get("format")
        if asked is None:
            return super().select_renderer(request, renderers, format_suffix)
        renderers = list(renderers)
        for renderer in renderers:
            if renderer.format == asked:
                return renderer, renderer.media_type
        known = ", ".join(renderer.format for renderer in renderers)
        raise problems.invalid("format", "invalid_choice", f"Use one of {known}.")


class TabularView(View):
    """A view that answers JSON, or its table as a file; `parameters` name `format` too."""

    renderer_classes = [JSONRenderer, CsvRenderer, XlsxRenderer]
    content_negotiation_class = FormatFirst
