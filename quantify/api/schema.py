"""The OpenAPI document: envelopes, problems, headers, the way to sign in."""

from copy import deepcopy
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, append_meta, force_instance
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from quantify.api import bodies, headers, problems, types
from quantify.api.headers import SUCCESS
from quantify.api.problems import Kind

OVERLAPPING: tuple[dict[str, Any], ...] = ({"type": "string", "maxLength": 0}, {})
"""Choices of a value that another choice holds as well."""


def widen(result: Any, **_: Any) -> Any:
    """
    Let the document allow what the generator forbids and the API knows.

    A value may be of several shapes where the generator wants it to be of one alone: a format only
    annotates (JSON Schema 2020-12), and an empty text is an e-mail address as well. Letters of a
    name are those of every script, where `\\w` in JSON Schema is of the Latin one without accents.
    """
    if isinstance(result, dict):
        if r"\w" in str(result.get("pattern")):
            del result["pattern"]
        if any(choice in OVERLAPPING for choice in result.get("oneOf", ())):
            result["anyOf"] = result.pop("oneOf")
        for inner in result.values():
            widen(inner)
    elif isinstance(result, list):
        for inner in result:
            widen(inner)
    return result


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
        if self._is_tagged() and self.method == "GET":
            bodies["304"] = self._headed("304", {"description": "The caller holds this answer."})
        for status, kinds in self._problems().items():
            bodies[status] = self._headed(status, self._problem_body(kinds))
        if "204" in bodies:
            bodies["204"] = self._headed("204", bodies["204"])
        return {status: bodies[status] for status in sorted(bodies)}

    def get_request_serializer(self) -> Any:
        if bodies.has_none(self._operation(), self.method or ""):
            return None
        return super().get_request_serializer()

    def _get_request_body(self, direction: Any = "request") -> Any:
        # OpenAPI advises against telling of bodies of DELETE.
        if self.method != "DELETE" and bodies.has_none(self._operation(), self.method or ""):
            return deepcopy(bodies.NO_FIELDS)
        return super()._get_request_body(direction)  # type: ignore[no-untyped-call]

    def _get_request_for_media_type(
        self, serializer: Any, direction: Any = "request"
    ) -> tuple[Any, bool]:
        schema, is_needed = super()._get_request_for_media_type(  # type: ignore[no-untyped-call]
            serializer, direction
        )
        if isinstance(serializer, PolymorphicProxySerializer):
            # Of several shapes one is needed where none of them is satisfied by nothing.
            shapes = [force_instance(one) for one in serializer.serializers]
            each = [self._get_request_for_media_type(one, direction) for one in shapes]
            is_needed = all(is_one_needed for _, is_one_needed in each)
        return schema, is_needed

    def _operation(self) -> Any:
        """The method of the view that answers."""
        action = getattr(self.view, "action", None) or (self.method or "").lower()
        return getattr(self.view, action, None)

    def _headed(self, status: str, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "headers": self._get_response_headers_for_code(status)}

    def _get_response_headers_for_code(
        self, status_code: str, direction: Any = "response"
    ) -> dict[str, Any]:
        own = super()._get_response_headers_for_code(status_code, direction)
        return {**headers.of_operation(self._operation(), status_code), **own}

    def _map_serializer_field(
        self,
        field: Any,
        direction: Any,
        bypass_extensions: Any = False,  # noqa: FBT002  (as the parent has it)
    ) -> Any:
        schema = super()._map_serializer_field(  # type: ignore[no-untyped-call]
            field, direction, bypass_extensions
        )
        if direction == "request" and getattr(field, "allow_empty", True) is False:
            least = "minProperties" if isinstance(field, serializers.DictField) else "minItems"
            schema = {**schema, least: 1}
        if isinstance(field, serializers.DecimalField) and schema.get("format") == "decimal":
            is_asked = direction == "request"
            exact = types.decimal_taken(field) if is_asked else types.decimal_shown(field)
            meta = self._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
            return append_meta(exact, meta)
        return schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """A body has no field that is not named; an object of a model is always shown whole."""
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request":
            needs = getattr(serializer, "needs", None)
            needed = {"dependentRequired": needs} if needs else {}
            return {**schema, **needed, "additionalProperties": False}
        if isinstance(serializer, serializers.ModelSerializer) and "properties" in schema:
            return {**schema, "required": sorted(schema["properties"])}
        return schema

    def _get_format_parameters(self) -> list[dict[str, Any]]:
        """`format` is a parameter like any other: of the views that read it, and say so."""
        return []

    def _get_paginator(self) -> Any:
        paginator = super()._get_paginator()  # type: ignore[no-untyped-call]
        if paginator is not None:
            paginator.has_cursor = bool(getattr(self.view, "cursor_fields", ()))
        return paginator

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
                if media_type.endswith("json"):
                    content["schema"] = self._enveloped(content["schema"])
        return body

    def _enveloped(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope of one object, or of the few that an operation answers with."""
        envelope = {"type": "object", "required": ["data"], "properties": {"data": schema}}
        items = schema.get("items", {})
        name = (schema.get("$ref") or items.get("$ref", "")).rsplit("/", 1)[-1]
        if not name:
            return envelope
        component = ResolvedComponent(
            name=f"{name}{'List' if items else ''}Answer",
            type=ResolvedComponent.SCHEMA,
            schema=envelope,
            object=f"envelope of {name}",
        )
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference

    def _problems(self) -> dict[str, list[Kind]]:
        """The problems of an operation by status."""
        kinds = [problems.UNEXPECTED, problems.NOT_ACCEPTABLE, problems.INVALID, problems.THROTTLED]
        if self.view.permission_classes:
            kinds += [problems.NOT_AUTHENTICATED, problems.LOCKED_OUT, problems.FORBIDDEN]
            kinds.append(problems.SIGN_IN_BUSY)
        if "{" in self.path or self._names_others():
            kinds.append(problems.NOT_FOUND)
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            kinds += [problems.MALFORMED, problems.UNSUPPORTED, problems.TOO_LARGE]
        if self.method in ("POST", "PUT", "PATCH"):
            kinds.append(problems.DUPLICATE)
        if self._is_versioned():
            kinds.append(problems.STALE)
        if self._requires_if_match():
            kinds.append(problems.PRECONDITION_REQUIRED)
        action = getattr(self.view, "action", None) or (self.method or "").lower()
        kinds += getattr(self.view, "refusals", {}).get(action, ())
        by_status: dict[str, list[Kind]] = {}
        for kind in sorted(kinds, key=lambda kind: kind.status):
            by_status.setdefault(str(kind.status), []).append(kind)
        return by_status

    def _is_versioned(self) -> bool:
        """Whether it changes or deletes an object that has an entity tag."""
        if self.method == "DELETE":
            return hasattr(self.view, "remove")
        return self._is_tagged() and self.method in ("PUT", "PATCH")

    def _is_tagged(self) -> bool:
        return headers.ETAG in getattr(self._operation(), "told_headers", ())

    def get_override_parameters(self) -> list[Any]:
        if self._is_versioned():
            return [self._precondition("If-Match", "The ETag of what was read.")]
        if self._is_tagged() and self.method == "GET":
            return [self._precondition("If-None-Match", "The ETag of what the caller holds.")]
        return []

    def _precondition(self, name: str, words: str) -> OpenApiParameter:
        is_required = name == "If-Match" and self._requires_if_match()
        return OpenApiParameter(
            name, str, OpenApiParameter.HEADER, required=is_required, description=words
        )

    def _requires_if_match(self) -> bool:
        changes = self.method in ("PUT", "PATCH")
        return changes and bool(getattr(self.view, "requires_if_match", False))

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
