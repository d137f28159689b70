"""What every resource shares: scope, strictness, envelopes, versions."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db import models, transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from quantify.api import bodies, editing, etags, filters
from quantify.api.headers import ETAG, LOCATION, answers_with
from quantify.api.permissions import operation_name
from quantify.api.problems import Kind
from quantify.api.schema import EnvelopeSchema

READ_ONLY = ["get", "head"]
METHODS = [*READ_ONLY, "post", "put", "patch", "delete"]


def check_method(view: APIView, request: Request) -> None:
    """
    Refuse a method that the address does not have, whoever asks.

    :raises MethodNotAllowed: before anybody's credentials and permissions are looked at.
    """
    if request.method not in view.allowed_methods:
        raise MethodNotAllowed(str(request.method))


class View(APIView):
    """An operation that stands for itself; `parameters` names by method what it reads."""

    schema = EnvelopeSchema()
    http_method_names = METHODS
    refusals: ClassVar[Mapping[str, Sequence[Kind]]] = {}
    permission_names: ClassVar[Mapping[str, str]] = {}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    is_batchable: ClassVar[bool] = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_method(self, request)
        super().initial(request, *args, **kwargs)
        name = operation_name(request.method or "")
        filters.check(request, self.parameters.get(name, ()))
        bodies.check(getattr(self, name, None), request)


class Resource(GenericViewSet):
    """
    Objects of one model that the caller may see.

    `serializer_class` shows them in a list, `detail_class` alone. `permission_names` and
    `parameters` are by action; without an entry the permission is that of the model and method,
    and no parameter is read.
    """

    schema = EnvelopeSchema()
    http_method_names = METHODS
    refusals: ClassVar[Mapping[str, Sequence[Kind]]] = {}
    lookup_value_converter = "uuid"
    detail_class: ClassVar[type[BaseSerializer] | None] = None
    permission_names: ClassVar[Mapping[str, str]] = {}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    search_fields: ClassVar[Sequence[str]] = ()
    sort_fields: ClassVar[Mapping[str, str]] = {}
    default_sort: ClassVar[tuple[str, ...]] = ("pk",)
    cursor_fields: ClassVar[Sequence[str]] = ()
    is_batchable: ClassVar[bool] = True
    unbatchable: ClassVar[frozenset[str]] = frozenset()
    """Actions that begin at once, so that rolling back could not take them back."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_method(self, request)
        super().initial(request, *args, **kwargs)
        allowed = list(self.parameters.get(self.action, ()))
        if self.action == "list":
            cursor = ["cursor"] if self.cursor_fields else []
            allowed += [*filters.PAGING, *cursor, *filters.names(self)]
        filters.check(request, allowed)
        bodies.check(getattr(self, self.action or "", None), request)

    def get_queryset(self) -> models.QuerySet:
        """The rows the caller may see; a query that hides in a row fails."""
        rows = self.seen(super().get_queryset())
        if hasattr(rows, "alive"):
            rows = rows.alive()
        shaped: models.QuerySet = self.shaped(rows).fetch_mode(models.FETCH_RAISE)
        return shaped

    def seen(self, rows: Any) -> Any:
        """Those of the rows that the caller may see."""
        return rows.visible_to(self.request.user)

    def shaped(self, rows: models.QuerySet) -> models.QuerySet:
        """The rows with what their answers need."""
        return rows

    def complete(self, rows: Sequence[Any]) -> None:
        """Give the rows that are shown what else their answers need, for all of them at once."""

    def first_of(self, rows: models.QuerySet, fields: Sequence[str], most: int) -> models.QuerySet:
        """The first rows in an order, for a page by cursor."""
        return rows.order_by(*fields)[:most]

    def get_serializer_class(self) -> type[BaseSerializer]:
        if self.action != "list" and self.detail_class is not None:
            return self.detail_class
        return super().get_serializer_class()

    @property
    def model(self) -> type[models.Model]:
        rows: Any = type(self).queryset
        return cast("type[models.Model]", rows.model)

    def found_by(self, word: str) -> Q:
        """Rows in which a word of `q` is found: in one of the fields."""
        return reduce(or_, (Q(**{f"{field}__icontains": word}) for field in self.search_fields))

    def version_of(self, instance: Any) -> str:
        return etags.version_of(instance)

    def locked_object(self) -> Any:
        """The object of the address, for update until the database transaction ends."""
        rows = self.get_queryset().fetch_mode(models.FETCH_ONE)
        return get_object_or_404(rows.select_for_update(of=("self",)), pk=self.kwargs["pk"])

    def seen_object(self) -> Any:
        """The object of the address, if the caller may see it."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def checked(self, form_class: type[BaseSerializer], **context: Any) -> dict[str, Any]:
        """What the caller asks an operation for, once it is valid."""
        form = form_class(
            data=self.request.data, context={**self.get_serializer_context(), **context}
        )
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def answered(
        self, pk: UUID, code: int = status.HTTP_200_OK, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer an object as it is stored now, with its entity tag."""
        instance = get_object_or_404(self.get_queryset(), pk=pk)
        self.complete([instance])
        data = self.get_serializer(instance).data
        tag = etags.tag(self.version_of(instance), data)
        own = {ETAG: tag, **(headers or {})}
        if self.request.method in ("GET", "HEAD") and etags.is_known(self.request, tag):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=own)
        return Response({"data": data}, status=code, headers=own)


def told(
    data: Any, code: int = status.HTTP_200_OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer one thing in its envelope."""
    return Response({"data": data}, status=code, headers=dict(headers or {}))


class Listed(Resource):
    """`GET /things`"""

    def list(self, request: Request, **_: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        self.complete(rows)
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)


class Shown(Resource):
    """`GET /things/{id}`"""

    @answers_with(ETAG)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return self.answered(pk)


class Created(Resource):
    """`POST /things`"""

    @answers_with(ETAG, LOCATION)
    def create(self, request: Request) -> Response:
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        made = self.add(form.validated_data)
        location = {LOCATION: f"{request.path}/{made.pk}"}
        return self.answered(made.pk, status.HTTP_201_CREATED, location)

    def add(self, fields: Mapping[str, Any]) -> Any:
        return editing.create(self.model, fields)


class Changed(Resource):
    """`PUT` and `PATCH /things/{id}`"""

    requires_if_match: ClassVar[bool] = False

    @answers_with(ETAG)
    def update(self, request: Request, pk: UUID) -> Response:
        return self._changed(request, pk, partial=False)

    @answers_with(ETAG)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._changed(request, pk, partial=True)

    def _changed(self, request: Request, pk: UUID, *, partial: bool) -> Response:
        with transaction.atomic():
            instance = self.locked_object()
            version = self.version_of(instance)
            etags.check(request, version, required=self.requires_if_match)
            self.complete([instance])
            form = self.get_serializer(instance, data=request.data, partial=partial)
            form.is_valid(raise_exception=True)
            self.change(instance, form.validated_data)
        return self.answered(pk)

    def change(self, instance: Any, fields: Mapping[str, Any]) -> None:
        editing.change(instance, fields)


class Archived(Resource):
    """`DELETE /things/{id}`: the object goes out of sight, its history stays."""

    def destroy(self, request: Request, pk: UUID) -> Response:
        with transaction.atomic():
            instance = self.locked_object()
            etags.check(request, self.version_of(instance))
            self.remove(instance)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def remove(self, instance: Any) -> None:
        editing.archive(instance, at=timezone.now())
