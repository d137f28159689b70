"""`Idempotency-Key`: the same request twice is one transaction and one answer."""

import hashlib
import json
import re
from typing import Any, TypedDict

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from quantify.api import problems
from quantify.api.headers import REPLAYED

HEADER = "Idempotency-Key"
_ACCEPTED = re.compile(r"[\x21-\x7e]{1,150}")
_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 150, "pattern": "^[!-~]+$"}


def parameter(description: str) -> OpenApiParameter:
    """The header as the document of an operation names it."""
    return OpenApiParameter(HEADER, _SCHEMA, OpenApiParameter.HEADER, description=description)


class Once(TypedDict):
    """What an operation needs to know a request again."""

    idempotency_key: str | None
    request_digest: str


def once(request: Request, *, moves_money: bool = True) -> Once:
    """
    Read the caller's key, which is theirs alone, and a digest of what they ask for.

    :raises Problem: 422 if the key is not 1 to 150 visible ASCII characters, or is missing from
        a program: one that signed in with an API key repeats what was not answered.
    """
    given = check(request)
    if given is None and moves_money and request.auth is not None:
        raise problems.invalid(HEADER, "required", "Needed with an API key where money moves.")
    if given is None:
        return {"idempotency_key": None, "request_digest": ""}
    return {"idempotency_key": f"{request.user.pk}:{given}", "request_digest": _digest(request)}


def check(request: Request) -> str | None:
    """
    Read the key as it was sent, also where nothing comes of it, as in a preview.

    :raises Problem: 422 if it is not 1 to 150 visible ASCII characters.
    """
    given = request.headers.get(HEADER)
    if given is not None and not _ACCEPTED.fullmatch(given):
        raise problems.invalid(HEADER, "invalid", "Give 1 to 150 visible ASCII characters.")
    return given


def _digest(request: Request) -> str:
    asked: Any = [request.method, request.path, request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def replayed_header(*, replayed: bool) -> dict[str, str]:
    return {REPLAYED: "true"} if replayed else {}
