"""A client of the API whose every answer is held against the OpenAPI document."""

import base64
from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import PASSWORD
from quantify.tests import contract

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
        contract.hold(method, response)
        return response
