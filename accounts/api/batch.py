"""`POST /batch`: several operations, all or none."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any, cast

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import answers
from accounts.models import User
from accounts.scoping import estates_of
from quantify.api import batch, idempotency, problems
from quantify.api.batch import READ, Operation, Result
from quantify.api.headers import REPLAYED, answers_with
from quantify.api.permissions import SIGNED_IN
from quantify.api.problems import Problem, translated
from quantify.api.serializers import Form
from quantify.api.views import View, told

STANDING_CHANGED = (
    "What you may do has changed since this batch was carried out: ask for what it made by itself."
)
KEY = idempotency.parameter("The same key and operations give the same answer; others are refused.")


class HeadersField(serializers.DictField):
    """`If-Match` and `Idempotency-Key` of one operation."""

    child = serializers.CharField(max_length=300)
    default_error_messages = {
        "unknown": f"An operation takes no header but {' and '.join(batch.HEADERS)}.",
        "line": "A header is one line of ASCII.",
    }

    def to_internal_value(self, data: Any) -> dict[str, str]:
        values: dict[str, str] = super().to_internal_value(data)
        if not values.keys() <= set(batch.HEADERS):
            self.fail("unknown")
        if not all(value.isascii() and value.isprintable() for value in values.values()):
            self.fail("line")
        return values


class OperationForm(Form):
    """One operation: `path` as `/api/v1/units` or `/units`, with a query for a GET alone."""

    method = serializers.ChoiceField(batch.METHODS)
    path = serializers.CharField(max_length=batch.LONGEST_PATH)
    body = serializers.JSONField(required=False, allow_null=True)
    headers = HeadersField(required=False)

    def validate(self, attrs: Any) -> Any:
        if attrs["method"] == READ and attrs.get("body") is not None:
            unread = ErrorDetail("A GET takes no body: ask by the query of its path.", "unknown")
            raise ValidationError({"body": [unread]})
        return attrs


class OperationsForm(Form):
    """Up to 100 operations, carried out in their order."""

    operations = serializers.ListField(child=OperationForm(), min_length=1, max_length=batch.MOST)


class ResultSerializer(serializers.Serializer):
    status = serializers.IntegerField()
    body = serializers.JSONField()


class ResultsSerializer(serializers.Serializer):
    results = ResultSerializer(many=True)


class Batch(View):
    """Operations of this API in one database transaction: all of them, or none."""

    permission_names = {"post": SIGNED_IN}
    is_batchable = False
    refusals = {"post": (batch.FAILED, problems.BUSY, problems.KEY_REUSED, problems.THROTTLED)}

    @extend_schema(
        operation_id="batch", request=OperationsForm, responses=ResultsSerializer, parameters=[KEY]
    )
    @answers_with(REPLAYED)
    def post(self, request: Request) -> Response:
        """Carry out all operations or none; the first that fails is named with its problem."""
        form = OperationsForm(data=request.data)
        form.is_valid(raise_exception=True)
        operations = [Operation(**one) for one in form.validated_data["operations"]]
        # What moves money within has, and asks for, a key of its own.
        once = idempotency.once(request, moves_money=False)
        key, digest = once["idempotency_key"], once["request_digest"]
        if key is None:
            return told(_run(operations, request))
        with translated({answers.AnotherRequest: problems.KEY_REUSED}):
            body, replayed = _once(operations, request, key, digest)
        return told(body, headers=idempotency.replayed_header(replayed=replayed))


def _run(
    operations: list[Operation], request: Request, known: Mapping[int, Result] | None = None
) -> dict[str, Any]:
    return {"results": [asdict(one) for one in batch.run(operations, request, known or {})]}


def _once(operations: list[Operation], request: Request, key: str, digest: str) -> tuple[Any, bool]:
    """
    The answer, and whether it was given before.

    :raises Problem: 403 if the caller may do less, or something else, than when it was given.
    """
    standing = _standing(cast("User", request.user))
    with transaction.atomic():
        batch.limit_waiting()
        claimed = answers.claim(key=key, digest=digest)
        if claimed is not None:
            body = _run(operations, request)
            answers.keep(claimed, {"standing": standing, "written": _written(operations, body)})
            return body, False
    kept = answers.find(key=key, digest=digest)
    if kept is None:
        raise Problem(problems.BUSY)
    if kept.get("standing") != standing:
        raise Problem(problems.FORBIDDEN, STANDING_CHANGED)
    known = {int(index): Result(**one) for index, one in kept["written"].items()}
    return _run(operations, request, known), True


def _written(operations: list[Operation], body: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an answer: what was read is read anew, with the eyes of that moment."""
    return {
        str(index): result
        for index, (operation, result) in enumerate(zip(operations, body["results"], strict=True))
        if operation.method != READ
    }


def _standing(user: User) -> str:
    """What a caller may do and where, with the key they came with: a digest of it."""
    key, estates = user.api_key, estates_of(user)
    told = [
        user.role.code,
        sorted(user.permission_names),
        None if estates is None else sorted(map(str, estates)),
        None if key is None else [sorted(key.scopes), sorted(map(str, key.estates or ()))],
    ]
    return sha256(json.dumps(told).encode()).hexdigest()
