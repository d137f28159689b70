"""The OpenAPI document: envelopes, problems with examples, the way to sign in."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from quantify.api import problems
from quantify.api.problems import Kind

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": ["string", "null"]},
        "operation": {
            "type": "object",
            "description": "Of a batch: the first operation that failed, and its problem.",
            "required": ["index", "method", "path", "problem"],
            "properties": {
                "index": {"type": "integer"},
                "method": {"type": "string"},
                "path": {"type": "string"},
                "problem": {"$ref": "#/components/schemas/Problem"},
            },
        },
    },
}
SUCCESS = ("200", "201", "202")


class EnvelopeSchema(AutoSchema):
    """Describes an operation as it answers: `{"data": ...}`, or one of its problems."""

    def get_tags(self) -> list[str]:
        path = self.path.removeprefix("/api/v1/")
        return [path.split("/")[0]]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        is_create = getattr(self.view, "action", "") == "create"
        if is_create and "201" not in bodies:
            bodies = {"201" if code == "200" else code: body for code, body in bodies.items()}
        for status, kinds in self._problems().items():
            bodies[status] = self._problem_body(kinds)
        return bodies

    def _get_response_for_code(
        self,
        serializer: Any,
        status_code: str,
        media_types: Any = None,
        direction: Any = "response",
    ) -> dict[str, Any]:
        body: dict[str, Any] = super()._get_response_for_code(  # type: ignore[no-untyped-call]
            serializer, status_code, media_types, direction
        )
        pages = getattr(self.view, "pagination_class", None) is not None
        if status_code in SUCCESS and not (pages and self._is_list_view(serializer)):
            for media_type, content in body.get("content", {}).items():
                if not media_type.endswith("json"):
                    continue
                content["schema"] = {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"data": content["schema"]},
                }
        return body

    def _problems(self) -> dict[str, list[Kind]]:
        """The problems of an operation by status."""
        kinds = [problems.UNEXPECTED, problems.NOT_ACCEPTABLE, problems.INVALID, problems.THROTTLED]
        if self.view.permission_classes:
            kinds += [problems.NOT_AUTHENTICATED, problems.LOCKED_OUT, problems.FORBIDDEN]
            kinds.append(problems.SIGN_IN_BUSY)
        if "{" in self.path or self._names_others():
            kinds.append(problems.NOT_FOUND)
        if self.method in ("POST", "PUT", "PATCH"):
            kinds += [problems.MALFORMED, problems.UNSUPPORTED, problems.DUPLICATE]
            kinds.append(problems.TOO_LARGE)
        if self.method in ("PUT", "PATCH", "DELETE"):
            kinds.append(problems.STALE)
        if getattr(self.view, "requires_if_match", False) and self.method in ("PUT", "PATCH"):
            kinds.append(problems.PRECONDITION_REQUIRED)
        action = getattr(self.view, "action", None) or (self.method or "").lower()
        kinds += getattr(self.view, "refusals", {}).get(action, ())
        by_status: dict[str, list[Kind]] = {}
        for kind in sorted(kinds, key=lambda kind: kind.status):
            by_status.setdefault(str(kind.status), []).append(kind)
        return by_status

    def _names_others(self) -> bool:
        """Whether a list is filtered by other objects, which may not be there."""
        filters = getattr(getattr(self.view, "filterset_class", None), "base_filters", {})
        by_other = any(getattr(one, "can_miss", False) for one in filters.values())
        return by_other and getattr(self.view, "action", "") == "list"

    def _problem_body(self, kinds: list[Kind]) -> dict[str, Any]:
        component = ResolvedComponent(
            name="Problem",
            type=ResolvedComponent.SCHEMA,
            schema=PROBLEM_SCHEMA,
            object="quantify.api.problems.Problem",
        )
        self.registry.register_on_missing(component)
        return {
            "description": " / ".join(kind.title for kind in kinds),
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": component.ref,
                    "examples": {
                        kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds
                    },
                }
            },
        }


def _example(kind: Kind) -> dict[str, Any]:
    errors = []
    if kind in (problems.INVALID, problems.DUPLICATE):
        code = "min_value" if kind is problems.INVALID else "duplicate"
        errors = [{"field": "total_units", "code": code, "detail": kind.meaning}]
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.meaning,
        "instance": "/api/v1/estates",
        "code": kind.code,
        "errors": errors,
        "request_id": "019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e",
    }


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Show each problem once, and what each success looks like, made from its schema."""
    result["components"]["examples"] = {
        code: {"summary": kind.title, "value": _example(kind)}
        for code, kind in sorted(problems.known().items())
    }
    schemas = result.get("components", {}).get("schemas", {})
    for operation in _operations(result):
        for status, body in operation["responses"].items():
            for content in body.get("content", {}).values() if status in SUCCESS else ():
                if "example" not in content and "examples" not in content:
                    content["example"] = _sample(content["schema"], schemas)
    return result


def _operations(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation
        for path in result.get("paths", {}).values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


FORMATS = {
    "uuid": "019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e",
    "date-time": "2026-07-01T10:00:00+02:00",
    "date": "2026-07-01",
    "decimal": "12.50",
    "email": "person@example.com",
    "uri": "https://example.com/",
}
PLAIN: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}


def _sample(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that a schema accepts."""
    if "$ref" in schema:
        return _sample(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return _sample(schema[key][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _sample(one, schemas) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [_sample(schema["items"], schemas)]
    return _text(schema) if kind == "string" else PLAIN[kind]


def _text(schema: dict[str, Any]) -> str:
    if "pattern" in schema and schema.get("format", "decimal") == "decimal":
        return FORMATS["decimal"]
    return FORMATS.get(schema.get("format", ""), "text")
