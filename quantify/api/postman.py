"""The document of the API as a Postman collection, format 2.1."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
METHODS = ("get", "post", "put", "patch", "delete")
VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "username": "admin",
    "password": "",
}


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """
    Every operation of the document as a request, in a folder for each resource.

    Parameters that need not be given are there, switched off; bodies are the document's examples.
    """
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, method, operation in _operations(document):
        folders.setdefault(operation["tags"][0], []).append(_item(path, method, operation))
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": FORMAT,
        },
        "auth": {
            "type": "basic",
            "basic": [_pair(name, f"{{{{{name}}}}}") for name in ("username", "password")],
        },
        "variable": [_pair(name, value) for name, value in VARIABLES.items()],
        "item": [{"name": name, "item": items} for name, items in folders.items()],
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            if method in METHODS:
                yield path, method, operation


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), None)
    header = [_parameter(one) for one in parameters if one["in"] == "header"]
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": header,
        "url": _url(path, parameters),
        "description": operation.get("description", ""),
    }
    if operation.get("security") == [{}] or not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    if media_type is not None:
        header.insert(0, _pair("Content-Type", media_type))
        request["body"] = _body(media_type, content[media_type])
    return {"name": operation["operationId"].replace("_", " "), "request": request, "response": []}


def _url(path: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.split("/")[1:]]
    query = [_parameter(one) for one in parameters if one["in"] == "query"]
    variable = [_pair(one["name"], "") for one in parameters if one["in"] == "path"]
    return {
        "raw": "{{base_url}}/" + "/".join(parts),
        "host": ["{{base_url}}"],
        "path": parts,
        "query": query,
        "variable": variable,
    }


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter.get("schema", {})
    value = schema.get("default", (schema.get("enum") or [""])[0])
    return {
        **_pair(parameter["name"], str(value)),
        "description": parameter.get("description", ""),
        "disabled": not parameter.get("required", False),
    }


def _body(media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    named: list[Any] = list(content.get("examples", {}).values())
    example = content.get("example", named[0].get("value") if named else "")
    if not media_type.endswith("json"):
        return {"mode": "raw", "raw": str(example)}
    raw = json.dumps(example, indent=2, ensure_ascii=False)
    return {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}


def _pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}
