"""Identity documents over the API: given in clear, shown by their ending."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import SkipField, empty

from quantify.api.serializers import Form
from quantify.periods import local_day
from units import identities
from units.identities import Identity
from units.models import Resident


class IdentitySerializer(Form):
    """
    An identity document: a South African ID, or a passport and its country by two letters.

    The number is shown by its last three characters; sent back as shown it stays.
    """

    kind = serializers.ChoiceField(Resident.Identity.choices)
    country = serializers.CharField(max_length=2, required=False, default="")
    number = serializers.CharField(max_length=30)

    def run_validation(self, data: Any = empty) -> Any:
        resident = getattr(self.parent, "instance", None)
        shown = resident.identity if resident is not None else None
        if shown is not None and isinstance(data, Mapping) and shown._asdict() == {**data}:
            raise SkipField
        return super().run_validation(data)

    def validate(self, attrs: dict[str, Any]) -> Any:
        # A PATCH of the resident leaves nothing out of the document: it is changed as a whole.
        missing = [name for name in ("kind", "number") if name not in attrs]
        if missing:
            required = ErrorDetail(str(self.error_messages["required"]), "required")
            raise serializers.ValidationError({name: [required] for name in missing})
        return identities.read(**{"country": "", **attrs}, today=local_day(timezone.now()))


class RevealedSerializer(serializers.Serializer):
    """An identity document with its number."""

    kind = serializers.ChoiceField(Resident.Identity.choices)
    country = serializers.CharField()
    number = serializers.CharField()


class RevealForm(Form):
    """Why the number is looked at; kept in the audit trail."""

    reason = serializers.CharField(max_length=250)


def columns_of(owner: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """
    The fields of a resident, with the columns of the document in the place of the document.

    :raises quantify.sealing.NoSecret: if its number cannot be encrypted.
    """
    kept = {name: value for name, value in fields.items() if name != "identity"}
    if "identity" not in fields:
        return kept
    given: Identity | None = fields["identity"]
    return {**kept, **identities.columns(owner, given, at=timezone.now())}
