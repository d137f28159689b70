"""`/residents/{id}/sign-in`: a login for a resident, and the link to set its password."""

from datetime import timedelta
from http import HTTPStatus
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import invitations
from accounts.models import User
from quantify.api.headers import LOCATION, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form, Instant
from quantify.api.views import Resource, told
from units import sign_ins
from units.api import refusals
from units.models import Resident


class InvitationForm(Form):
    """The name of the login; the resident's e-mail address if it is left out."""

    username = serializers.CharField(max_length=150, required=False, default="")


class InvitationSerializer(serializers.Serializer):
    """A login, and the link with which the resident sets its password: shown this once."""

    resident = serializers.UUIDField()
    user = serializers.UUIDField()
    username = serializers.CharField()
    link = serializers.URLField()
    expires_at = Instant()


class SignInViewSet(Resource):
    """The login of a resident."""

    # The answers of a batch may be kept, and a link is for the resident alone.
    is_batchable = False
    queryset = Resident.objects.all()
    pagination_class = None
    permission_names = {
        "create": "units.invite_resident",
        "destroy": "units.invite_resident",
    }
    refusals = {
        "create": (refusals.NO_RESIDENTS_LOGIN,),
        "destroy": (refusals.NO_RESIDENTS_LOGIN, refusals.NO_SIGN_IN),
    }

    @extend_schema(
        operation_id="resident_invite",
        request=InvitationForm,
        responses={201: InvitationSerializer},
    )
    @answers_with(LOCATION)
    def create(self, request: Request, pk: UUID) -> Response:
        """
        Let a resident sign in. The link is handed to the resident, who sets a password with it.

        Once more, it makes a new link for the same login.
        """
        resident, now = self.seen_object(), timezone.now()
        username = self.checked(InvitationForm)["username"]
        with translated({sign_ins.NoResidentsLogin: refusals.NO_RESIDENTS_LOGIN}):
            user = sign_ins.invite(resident=resident, username=username)
        made = {
            "resident": resident.pk,
            "user": user.pk,
            "username": user.username,
            "link": request.build_absolute_uri(invitations.path_for(user)),
            "expires_at": now + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
        }
        shown = InvitationSerializer(made).data
        where = {LOCATION: f"/api/v1/residents/{resident.pk}"}
        return told(shown, HTTPStatus.CREATED, {**where, "Cache-Control": "no-store"})

    @extend_schema(operation_id="resident_withdraw", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """End the resident's login at once."""
        known = {
            sign_ins.NoSignIn: refusals.NO_SIGN_IN,
            sign_ins.NoResidentsLogin: refusals.NO_RESIDENTS_LOGIN,
        }
        by = cast("User", request.user)
        with translated(known):
            sign_ins.withdraw(resident=self.seen_object(), by=by, at=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)
