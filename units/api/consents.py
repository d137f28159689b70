"""`/residents/{id}/consents`, `/consents/{id}`: what people agreed to, and withdrew."""

from http import HTTPStatus
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api.headers import ETAG, LOCATION, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form, Instant, ResourceSerializer
from quantify.api.views import Listed, Shown
from units import consents
from units.api.refusals import ALREADY_WITHDRAWN
from units.models import Consent, Resident


class ConsentSerializer(ResourceSerializer):
    class Meta:
        model = Consent
        fields = (
            "id", "resident", "purpose", "channel", "wording", "given_at", "withdrawn_at",
            "created_at", "updated_at",
        )  # fmt: skip


class ConsentForm(Form):
    """To what a resident consents, and how they said so; now, if no instant is given."""

    purpose = serializers.ChoiceField(Consent.Purpose.choices)
    channel = serializers.ChoiceField(Consent.Channel.choices)
    wording = serializers.CharField(max_length=100, required=False, default="")
    given_at = Instant(required=False)


class WithdrawalForm(Form):
    """When the consent was withdrawn; now, if no instant is given."""

    withdrawn_at = Instant(required=False)


class ConsentViewSet(Shown):
    """One consent of a resident."""

    queryset = Consent.objects.all()
    serializer_class = ConsentSerializer
    permission_names = {"withdraw": "units.change_consent"}
    refusals = {"withdraw": (ALREADY_WITHDRAWN,)}

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.filter(resident__deleted_at=None, resident__estate__deleted_at=None)

    @extend_schema(operation_id="consent_withdraw", request=WithdrawalForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Keep that a consent was withdrawn; another may be given later."""
        consent, now = self.seen_object(), timezone.now()
        at = self.checked(WithdrawalForm).get("withdrawn_at", now)
        with translated({consents.AlreadyWithdrawn: ALREADY_WITHDRAWN}):
            consents.withdraw(consent=consent, withdrawn_at=at, now=now)
        return self.answered(pk)


class ResidentConsentViewSet(Listed):
    """The consents of a resident, the newest first; withdrawn ones stay."""

    queryset = Consent.objects.all()
    serializer_class = ConsentSerializer
    sort_fields = {"given_at": "given_at"}
    default_sort = ("-given_at", "pk")

    def resident(self) -> Resident:
        rows = Resident.objects.visible_to(self.request.user).alive()
        return get_object_or_404(rows.filter(estate__deleted_at=None), pk=self.kwargs["pk"])

    def shaped(self, rows: QuerySet) -> QuerySet:
        return rows.filter(resident=self.kwargs.get("pk"))

    @extend_schema(operation_id="resident_consents")
    def list(self, request: Request, **_: object) -> Response:
        self.resident()
        return super().list(request)

    @extend_schema(
        operation_id="resident_consent", request=ConsentForm, responses={201: ConsentSerializer}
    )
    @answers_with(ETAG, LOCATION)
    def create(self, request: Request, pk: UUID) -> Response:
        """Keep that a resident consents to a purpose."""
        resident, now = self.resident(), timezone.now()
        asked = {"given_at": now, **self.checked(ConsentForm)}
        made = consents.give(resident=resident, now=now, **asked)
        where = {LOCATION: f"/api/v1/consents/{made.pk}"}
        return self.answered(made.pk, HTTPStatus.CREATED, where)
