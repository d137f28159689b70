"""The matrix against mistakes that were made on purpose: it must see each of them."""

from unittest.mock import patch

import pytest

from accounts.scoping import EstateScopedQuerySet
from quantify.api import bodies
from quantify.api.permissions import RolePermission
from quantify.api.serializers import ScopedRelatedField
from quantify.tests.access import matrix, test_api
from quantify.tests.access.ground import undone
from quantify.tests.access.table import TABLE

pytestmark = pytest.mark.django_db


def test_a_queryset_without_a_scope_is_seen(ground):
    with patch.object(EstateScopedQuerySet, "visible_to", lambda self, _: self):
        with pytest.raises(AssertionError, match=r"GET findings/<uuid:pk> foreign: 200"):
            matrix.check_answers(ground, "findings/<uuid:pk>")
        with pytest.raises(AssertionError, match=r"GET findings  tells of"):
            matrix.check_answers(ground, "findings")


def test_a_permission_that_is_not_asked_is_seen(ground):
    def lax(self, request, view):
        return request.user.is_authenticated

    with (
        patch.object(RolePermission, "has_permission", lax),
        pytest.raises(AssertionError, match="POST findings/<uuid:pk>/accept"),
    ):
        matrix.check_answers(ground, "findings/<uuid:pk>/accept")


def test_a_body_that_nobody_looks_at_is_seen(ground):
    with (
        patch.object(bodies, "check", lambda operation, request: None),
        undone(),
        pytest.raises(AssertionError, match="POST adjustments/<uuid:pk>/withdraw: 4"),
    ):
        matrix.check_unknown_fields(ground, "adjustments/<uuid:pk>/withdraw")


def test_a_related_field_without_a_scope_is_seen(ground):
    def unscoped(self):
        return self.queryset.all()

    with (
        patch.object(ScopedRelatedField, "get_queryset", unscoped),
        pytest.raises(AssertionError, match="POST units estate"),
    ):
        matrix.check_bodies(ground, "units")


def test_a_route_without_a_row_is_named(ground):
    with patch.dict(TABLE):
        del TABLE["meters"]
        with pytest.raises(AssertionError, match="meters"):
            test_api.test_every_route_is_in_the_table()
