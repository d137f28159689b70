"""`GET /search`: what the caller may see, by what they type."""

from typing import cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from quantify.api import problems
from quantify.api.permissions import SIGNED_IN
from quantify.api.views import View, told
from reports import search

DEFAULT = 20
MOST = 50
Q = OpenApiParameter(
    "q", {"type": "string", "minLength": 2, "maxLength": search.LONGEST}, required=True,
    description="Words of a name, number, serial or reference; at least two letters or digits.",
)  # fmt: skip
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}
)


class HitSerializer(serializers.Serializer):
    """One object; `link` is where the API has it, `score` from 0 to 1 how well it fits."""

    type = serializers.ChoiceField([kind.value for kind in search.PUBLIC], source="kind")
    id = serializers.UUIDField()
    title = serializers.CharField()
    where = serializers.CharField()
    score = serializers.FloatField()
    link = serializers.CharField()


class Search(View):
    """Estates, units, residents, meters and transactions in one list, the best first."""

    permission_names = {"get": SIGNED_IN}
    parameters = {"get": ("q", "limit")}

    @extend_schema(operation_id="search", responses=HitSerializer(many=True), parameters=[Q, LIMIT])
    def get(self, request: Request) -> Response:
        """What fits best; kinds of objects that the caller's role may not view are left out."""
        text = request.query_params.get("q", "")
        if len(text) > search.LONGEST or "\0" in text:
            raise problems.invalid("q", "max_length", f"Give at most {search.LONGEST} characters.")
        try:
            hits = search.find(user=cast("User", request.user), text=text, limit=_limit(request))
        except search.TooShort as error:
            raise problems.invalid("q", "min_length", str(error)) from error
        return told(HitSerializer(hits, many=True).data)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise problems.invalid("limit", "invalid", f"Give a whole number from 1 to {MOST}.")
    return int(text)
