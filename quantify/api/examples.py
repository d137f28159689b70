"""Examples in the document: of each problem once, of each body and answer from its schema."""

import re
from typing import Any

from quantify.api import problems
from quantify.api.headers import SUCCESS
from quantify.api.problems import Kind

METHODS = ("get", "post", "put", "patch", "delete")
ID = "019820a0-5f6e-7c3a-9d0b-6f2a4b1c8d7e"
FORMATS = {
    "uuid": ID,
    "date-time": "2026-07-01T10:00:00+02:00",
    "date": "2026-07-01",
    "email": "thandi@example.com",
    "uri": "https://example.com/",
    "ipv6": "fd00::15",
    "binary": "",
}
PLAIN: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}
# What a field of a name looks like, so that an example reads like an estate and not like a schema.
FIELDS: dict[str, Any] = {
    "limits": {"spike.ratio": "3.000"},
    "password": "a sentence that is long",
    "code": "WC001",
    "name": "Willow Creek",
    "address": "1 Willow Road",
    "city": "Cape Town",
    "postal_code": "8001",
    "contact_name": "Estate office",
    "contact_phone": "+27210000000",
    "phone": "+27820000000",
    "time_zone": "Africa/Johannesburg",
    "estate_code": "WC001",
    "unit_number": "A-101",
    "gateway_address": "0065",
    "building": "A",
    "first_name": "Thandi",
    "last_name": "Mokoena",
    "full_name": "Thandi Mokoena",
    "username": "manager",
    "actor": "manager",
    "handled_by": "manager",
    "requested_by": "manager",
    "serial": "E460-0001",
    "meter_serial": "E460-0001",
    "manufacturer": "Landis+Gyr",
    "model": "E460",
    "host": "10.20.0.5",
    "amount": "200.00",
    "balance": "200.00",
    "balance_before": "0.00",
    "balance_after": "200.00",
    "arrears": "0.00",
    "arrears_after": "0.00",
    "number": "T000000042",
    "reference": "EFT 2026-07-01",
    "reason": "Read wrongly on 1 July",
    "note": "Seen by the electrician",
    "detail": "Give a value.",
    "external_key": "BANK-2026-07-01-0001",
    "month": "2026-07",
    "consumption": "250.000",
    "total_units": 50,
    "page": 1,
    "per_page": 20,
    "total": 1,
    "pages": 1,
    "next_page": None,
    "prev_page": None,
    "next_cursor": None,
    "port": 4059,
    "calendar": "eskom",
    "vat": "63.00",
    "subtotal": "420.00",
    "metadata": {"till": "1"},
}
# Components whose fields only make sense together.
SHAPES: dict[str, Any] = {
    "Identity": {"kind": "sa_id", "country": "ZA", "number": "**********087"},
    "IdentityRequest": {"kind": "sa_id", "country": "ZA", "number": "8001015009087"},
    "Revealed": {"kind": "sa_id", "country": "ZA", "number": "8001015009087"},
}
TEXT = "..."
DECIMALS = ("12.50", "12.500", "12.5", "12.500000", "12.50000", "12", "0.5")


def add(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give each problem, body and success its example."""
    components = result["components"]
    components["examples"] = {
        code: {"summary": kind.title, "value": _problem(kind)}
        for code, kind in sorted(problems.known().items())
    }
    schemas = components.get("schemas", {})
    for operation in _operations(result):
        contents = [operation.get("requestBody", {}).get("content", {})]
        answers = operation["responses"].items()
        contents += [body.get("content", {}) for status, body in answers if status in SUCCESS]
        for content in (one for by_type in contents for one in by_type.values()):
            if "example" not in content and "examples" not in content:
                content["example"] = sample(content["schema"], schemas)
    return result


def _operations(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation
        for path in result.get("paths", {}).values()
        for method, operation in path.items()
        if method in METHODS
    ]


def _problem(kind: Kind) -> dict[str, Any]:
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
        "request_id": ID,
    }


def sample(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that a schema accepts; `name` is that of its field."""
    if "$ref" in schema:
        component = schema["$ref"].rsplit("/", 1)[-1]
        return SHAPES.get(component) or sample(schemas[component], schemas, name)
    for given in ("example", "const", "default"):
        if schema.get(given) not in (None, ""):
            return schema[given]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return sample(schema[key][0], schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kinds = kind if isinstance(kind, list) else [kind]
    if name in FIELDS and _is_of(FIELDS[name], kinds) and schema.get("format") not in FORMATS:
        return FIELDS[name]
    return _of_kind(kinds[0], schema, schemas, name)


def _of_kind(kind: str, schema: dict[str, Any], schemas: dict[str, Any], name: str) -> Any:
    if kind == "object":
        shown = schema.get("properties", {}).items()
        return {name: sample(one, schemas, name) for name, one in shown}
    if kind == "array":
        return [sample(schema["items"], schemas, name)]
    if kind == "string":
        return _text(schema)
    return schema.get("minimum", PLAIN[kind]) if kind in ("integer", "number") else PLAIN[kind]


def _is_of(value: Any, kinds: list[str]) -> bool:
    """Whether a value is of one of the kinds of JSON; a decimal is a string."""
    sorts = {str: "string", int: "integer", dict: "object", type(None): "null"}
    return sorts[type(value)] in kinds


def _text(schema: dict[str, Any]) -> str:
    if schema.get("format") == "decimal":
        pattern = schema.get("pattern", "")
        return next(text for text in DECIMALS if re.search(pattern, text))
    return FORMATS.get(schema.get("format", ""), TEXT)
