"""
Every answer of the API's tests is held against the OpenAPI document.

Stricter than the document asks: a field or a header that it does not name is a failure too, so
that nothing is answered that nobody described.
"""

import re
from functools import cache
from typing import Any

import jsonschema_rs

from quantify.api import documents, problems

OPERATIONS = ("get", "post", "put", "patch", "delete")
# Of the transport, or of every page of the project alike.
UNTOLD = {
    "allow", "cache-control", "content-length", "content-security-policy", "content-type",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "expires", "permissions-policy",
    "referrer-policy", "strict-transport-security", "vary", "x-content-type-options",
    "x-frame-options",
}  # fmt: skip


def hold(method: str, response: Any) -> None:
    """Fail if an answer is not what the document says of its operation and status."""
    route = getattr(getattr(response, "resolver_match", None), "route", None)
    path = address(route) if route is not None else ""
    operations = documents.openapi()["paths"].get(path)
    if operations is None:
        return
    asked = f"{method} {path}: {response.status_code}"
    method = "get" if method == "HEAD" else method.lower()
    if method not in operations:
        _hold_refusal_of_method(asked, operations, response)
        return
    told = operations[method]["responses"].get(str(response.status_code))
    assert told is not None, f"{asked} is not in the document"
    _hold_headers(asked, told, response)
    if response.request["REQUEST_METHOD"] == "HEAD":
        return
    _hold_body(asked, path, method, response, told)


def address(route: str) -> str:
    """A route of the URL configuration as the document writes it."""
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: "{" + name[1] + "}", route)
    return path.replace("{pk}", "{id}")


def _hold_refusal_of_method(asked: str, operations: dict[str, Any], response: Any) -> None:
    allowed = {name.strip() for name in response.headers.get("Allow", "").split(",")}
    documented = {name.upper() for name in operations if name in OPERATIONS}
    documented |= {"HEAD"} if "GET" in documented else set()
    assert allowed - {"OPTIONS"} == documented, f"{asked} allows {sorted(allowed)}"
    if response.request["REQUEST_METHOD"] != "OPTIONS":
        assert response.status_code == problems.METHOD_NOT_ALLOWED.status, asked


def _hold_headers(asked: str, told: dict[str, Any], response: Any) -> None:
    documented = {name.lower(): header for name, header in told.get("headers", {}).items()}
    given = {name.lower(): value for name, value in response.headers.items()}
    unknown = given.keys() - documented.keys() - UNTOLD
    assert not unknown, f"{asked} has headers that are not in the document: {sorted(unknown)}"
    for name, header in documented.items():
        if name in given:
            _validator(header["schema"]).validate(given[name])
        else:
            assert not header.get("required"), f"{asked} lacks the header {name}"


def _hold_body(asked: str, path: str, method: str, response: Any, told: dict[str, Any]) -> None:
    content = told.get("content")
    if content is None:
        assert not response.content, f"{asked} has a body that is not in the document"
        return
    media_type = response.headers["Content-Type"].split(";")[0]
    assert media_type in content, f"{asked} is {media_type}, not in the document"
    if not media_type.endswith("json"):
        return
    body = response.json()
    key = (path, method, str(response.status_code), media_type)
    error = next(iter(_of_operation(*key).iter_errors(body)), None)
    assert error is None, f"{asked} at {error.instance_path}: {error.message}"
    if media_type == problems.MEDIA_TYPE:
        assert body["code"] in content[media_type]["examples"], f"{asked}: {body['code']} is news"


@cache
def _of_operation(path: str, method: str, status: str, media_type: str) -> Any:
    operation = documents.openapi()["paths"][path][method]
    return _validator(operation["responses"][status]["content"][media_type]["schema"])


def _validator(schema: dict[str, Any]) -> Any:
    whole = {**_strict(schema), "components": _components()}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


@cache
def _components() -> dict[str, Any]:
    schemas = documents.openapi()["components"]["schemas"]
    return {"schemas": _strict(schemas)}


def _strict(schema: Any) -> Any:
    """The same schema, for which a field that it does not name is an error."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(one) for name, one in schema.items()}
    if isinstance(strict.get("properties"), dict) and strict.get("type") == "object":
        strict.setdefault("additionalProperties", False)
    return strict
