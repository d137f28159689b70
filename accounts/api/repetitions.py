"""
Requests that are sent again under their `Idempotency-Key`.

A transaction never changes, so that the ledger answers from it again. What else a request made
goes on changing (a proposal is decided, a receipt spent): there the first answer is kept, written
with what the request did.
"""

import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import answers
from accounts.models import KeptAnswer
from quantify.api import batch, idempotency, problems
from quantify.api.headers import ETAG, LOCATION
from quantify.api.problems import Problem, translated
from quantify.api.views import told


def answered_once(request: Request, answer: Callable[[], Response]) -> Response:
    """
    Carry a request out and keep what is answered; the same request again is answered the same.

    What the caller may see and do is asked before; nothing is kept of a refusal.

    :raises Problem: 422 if a program gave no key, 409 if the key stands for another request.
    """
    once = idempotency.once(request)
    key, digest = once["idempotency_key"], once["request_digest"]
    if key is None:
        return answer()
    with translated({answers.AnotherRequest: problems.KEY_REUSED}):
        return _once(key, digest, answer)


def _once(key: str, digest: str, answer: Callable[[], Response]) -> Response:
    with transaction.atomic():
        batch.limit_waiting()
        claimed = answers.claim(key=key, digest=digest)
        given = _given(claimed, answer) if claimed is not None else None
    if isinstance(given, Problem):
        raise given
    if given is not None:
        return given
    kept = answers.find(key=key, digest=digest)
    if kept is None:
        raise Problem(problems.BUSY)
    headers = {**kept["headers"], **idempotency.replayed_header(replayed=True)}
    return told(json.loads(kept["data"]), kept["status"], headers)


def _given(claimed: KeptAnswer, answer: Callable[[], Response]) -> Response | Problem:
    try:
        given = answer()
    except Problem as refusal:
        # An operation takes back what it refuses by itself; what it learned meanwhile stays.
        answers.free(claimed)
        return refusal
    answers.keep(claimed, _kept(given))
    return given


def _kept(given: Response) -> dict[str, Any]:
    return {
        "status": given.status_code,
        "headers": {name: given[name] for name in (ETAG, LOCATION) if name in given},
        # As a text, for the database keeps no order of fields.
        "data": JSONRenderer().render(given.data["data"]).decode(),
    }
