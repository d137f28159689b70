"""
Entity tags: the version of an object, and a digest of how it was answered.

`If-None-Match` compares the whole tag, because an answer also holds what changes without the object
(a unit's answer shows its wallet). `If-Match` compares the version alone: a top-up must not
refuse an edit of the unit.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db.models import Model
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from quantify.api import problems
from quantify.api.problems import Problem


def version_of(instance: Model) -> str:
    """The version of a stored object: the instant it was last changed, in microseconds."""
    changed: datetime = getattr(instance, "updated_at", None) or instance.recorded_at  # type: ignore[attr-defined]
    return f"{int(changed.timestamp() * 1_000_000):x}"


def tag(version: str, answer: Any) -> str:
    text = json.dumps(answer, cls=JSONEncoder, sort_keys=True)
    return f'"{version}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def is_known(request: Request, current: str) -> bool:
    """Whether the caller holds this very answer."""
    return any(given in ("*", current) for given in _listed(request, "If-None-Match"))


def check(request: Request, version: str, *, required: bool = False) -> None:
    """
    Refuse a change of an object that is not the one the caller read.

    :raises Problem: 412 if `If-Match` names another version, or none (a variable that was not set);
        428 if it is missing but required.
    """
    if "If-Match" not in request.headers:
        if required:
            raise Problem(problems.PRECONDITION_REQUIRED)
        return
    given = _listed(request, "If-Match")
    if not any(one == "*" or one.strip('"').split(".")[0] == version for one in given):
        raise Problem(problems.STALE)


def _listed(request: Request, header: str) -> list[str]:
    """The tags of a header; a proxy that compressed the answer has made them weak."""
    tags = (tag.strip().removeprefix("W/") for tag in request.headers.get(header, "").split(","))
    return [tag for tag in tags if tag]
