"""A client of the API whose every answer is held against the OpenAPI document."""

import base64
import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import PASSWORD
from quantify.api import documents

BASE = "/api/v1"


def basic(username: str, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class Client(APIClient):
    """Speaks JSON with HTTP Basic; paths are given below `/api/v1`."""

    def __init__(self, user: User | None = None, password: str = PASSWORD) -> None:
        super().__init__(raise_request_exception=False)
        self.default_format = "json"
        if user is not None:
            self.credentials(HTTP_AUTHORIZATION=basic(user.username, password))

    def generic(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        full = path if path.startswith(BASE) else f"{BASE}{path}"
        response = super().generic(method, full, *args, **kwargs)
        hold_against_document(method, response)
        return response


def hold_against_document(method: str, response: Any) -> None:
    """Fail if an answer is not what the document says of its operation and status."""
    operation = _operation(method, response)
    if operation is None or response.status_code in (204, 304, 405):
        return
    body = operation["responses"].get(str(response.status_code))
    assert body is not None, f"{method} {response.request['PATH_INFO']}: {response.status_code}"
    media_type = response.headers["Content-Type"].split(";")[0]
    if not media_type.endswith("json"):
        return
    schema = body["content"][media_type]["schema"]
    document = documents._document()
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(response.json())


def _operation(method: str, response: Any) -> dict[str, Any] | None:
    match = getattr(response, "resolver_match", None)
    if match is None:
        return None
    path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: "{" + name[1] + "}", match.route)
    operations: dict[str, Any] = documents._document()["paths"].get(path.replace("{pk}", "{id}"))
    return operations.get(method.lower()) if operations else None
