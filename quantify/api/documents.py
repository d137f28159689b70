"""The API's own pages: the OpenAPI document, two readers of it, and what each problem means."""

import hashlib
from functools import cache
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.views import defaults
from django.views.decorators.csp import csp_override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.utils import extend_schema, inline_serializer
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import etags, problems, request_id
from quantify.api.headers import ETAG
from quantify.api.problems import Problem
from quantify.api.views import READ_ONLY, View, told

READER_POLICY: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF],
    # Both readers set styles on elements while they draw.
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    # Redoc searches in a worker that it makes itself.
    "worker-src": [CSP.SELF, "blob:"],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.SELF],
    "object-src": [CSP.NONE],
}


@cache
def openapi() -> dict[str, Any]:
    """The document of the API, made once per process."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document


class OpenApiJson(JSONRenderer):
    media_type = "application/vnd.oai.openapi+json"


class Document(SpectacularAPIView):
    """The OpenAPI 3.1 document, made once per process."""

    authentication_classes = ()
    http_method_names = READ_ONLY
    renderer_classes = [JSONRenderer, OpenApiJson, OpenApiYamlRenderer]

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        text, tag = _written(renderer.media_type)
        if etags.is_known(request, tag):
            return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={ETAG: tag})
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(
            text, content_type=f"{renderer.media_type}{charset}", headers={ETAG: tag}
        )


@cache
def _written(media_type: str) -> tuple[bytes, str]:
    """The document in a media type, and its entity tag: it is asked for by anybody."""
    renderer = next(one for one in Document.renderer_classes if one.media_type == media_type)
    written = renderer().render(openapi(), renderer_context={})
    text = written.encode() if isinstance(written, str) else written
    return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'


@method_decorator(csp_override(READER_POLICY), name="dispatch")
class Swagger(SpectacularSwaggerSplitView):
    authentication_classes = ()
    http_method_names = READ_ONLY
    url_name = "api-schema"


@method_decorator(csp_override(READER_POLICY), name="dispatch")
class Redoc(SpectacularRedocView):
    authentication_classes = ()
    http_method_names = READ_ONLY
    url_name = "api-schema"
    template_name = "api/redoc.html"


class ProblemPage(View):
    """What a problem means: the page that its `type` names."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, TemplateHTMLRenderer)

    @extend_schema(
        operation_id="problem",
        responses=inline_serializer(
            "ProblemKind",
            {
                "type": serializers.CharField(),
                "code": serializers.CharField(),
                "status": serializers.IntegerField(),
                "title": serializers.CharField(),
                "meaning": serializers.CharField(),
            },
        ),
    )
    def get(self, request: Request, code: str) -> Response:
        kind = problems.known().get(code)
        if kind is None:
            raise NotFound
        fields = ("type", "code", "status", "title", "meaning")
        answer = told({field: getattr(kind, field) for field in fields})
        answer.template_name = "api/problem.html"
        return answer


@extend_schema(exclude=True)
class Nothing(View):
    """Every address of the API that is none."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound

    def get(self, request: Request) -> Response:
        raise NotFound

    post = put = patch = delete = get


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer what failed outside of a view: a problem to callers of the API, else a page."""
    if request.path.startswith("/api/"):
        return _plain(Problem(problems.UNEXPECTED), request)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        return _plain(Problem(problems.MALFORMED), request)
    return defaults.bad_request(request, exception)


def _plain(problem: Problem, request: HttpRequest) -> HttpResponse:
    body = problems.as_json(problem, instance=request.path, request_id=request_id.current())
    return JsonResponse(body, status=problem.kind.status, content_type=problems.MEDIA_TYPE)
