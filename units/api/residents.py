"""`/residents`: people, and their identity documents."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from quantify.api import editing
from quantify.api.problems import translated
from quantify.api.views import Archived, Changed, Created, Listed, Shown, told
from quantify.ids import uuid7
from quantify.sealing import NoSecret
from units import identities, residents
from units.api.filters import ResidentFilters
from units.api.identities import RevealedSerializer, RevealForm, columns_of
from units.api.refusals import NO_IDENTITY, NOT_SEALED, STILL_AT_HOME
from units.api.serializers import ResidentSerializer
from units.models import Resident


class ResidentViewSet(Listed, Shown, Created, Changed, Archived):
    """People who live in or own units."""

    queryset = Resident.objects.all()
    serializer_class = ResidentSerializer
    filterset_class = ResidentFilters
    search_fields = ("first_name", "last_name", "email", "phone")
    sort_fields = {
        name: name for name in ("first_name", "last_name", "email", "created_at", "updated_at")
    }
    default_sort = ("last_name", "first_name", "pk")
    permission_names = {"reveal_identity": "units.reveal_resident"}
    refusals = {
        "create": (NOT_SEALED,),
        "update": (NOT_SEALED,),
        "partial_update": (NOT_SEALED,),
        "destroy": (STILL_AT_HOME,),
        "reveal_identity": (NO_IDENTITY, NOT_SEALED),
    }
    # The answers of a batch may be kept.
    unbatchable = frozenset({"reveal_identity"})

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.filter(estate__deleted_at=None)

    def add(self, fields: Mapping[str, Any]) -> Resident:
        pk = uuid7()
        with translated({NoSecret: NOT_SEALED}):
            return editing.create(Resident, {"id": pk, **columns_of(pk, fields)})

    def change(self, instance: Resident, fields: Mapping[str, Any]) -> None:
        with translated({NoSecret: NOT_SEALED}):
            editing.change(instance, columns_of(instance.pk, fields))

    def remove(self, instance: Resident) -> None:
        with translated({residents.StillAtHome: STILL_AT_HOME}):
            residents.retire(resident_id=instance.pk, at=timezone.now())

    @extend_schema(
        operation_id="resident_reveal_identity",
        request=RevealForm,
        responses={200: RevealedSerializer},
    )
    @action(detail=True, methods=["post"], url_path="reveal-identity")
    def reveal_identity(self, request: Request, pk: UUID) -> Response:
        """Show the number of the identity document; who looked, and why, is in the audit trail."""
        resident = self.seen_object()
        reason = self.checked(RevealForm)["reason"]
        with translated({identities.NoIdentity: NO_IDENTITY, NoSecret: NOT_SEALED}):
            shown = identities.reveal(
                resident=resident, by=cast("User", request.user), reason=reason
            )
        return told(RevealedSerializer(shown).data, headers={"Cache-Control": "no-store"})
