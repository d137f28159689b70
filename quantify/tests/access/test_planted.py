"""The matrix against mistakes that were made on purpose: it must see each of them."""

from unittest.mock import patch

import pytest

from accounts.models import User
from accounts.scoping import EstateScopedQuerySet
from quantify.api import bodies
from quantify.api.permissions import RolePermission
from quantify.api.serializers import ScopedRelatedField
from quantify.portal.base import ScopedMixin
from quantify.tests.access import (
    matrix,
    portal_forms,
    portal_matrix,
    test_api,
    test_portal,
    visiting,
)
from quantify.tests.access.ground import undone
from quantify.tests.access.portal_table import PAGES
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


def test_a_page_without_a_scope_is_seen(ground):
    with patch.object(EstateScopedQuerySet, "visible_to", lambda self, _: self):
        for name in ("change", "delete"):
            address = visiting.address_of(f"units.unit {name}")
            with pytest.raises(AssertionError, match=rf"GET units\.unit {name} foreign: 200"):
                portal_matrix.check_answers(ground, address)
        with pytest.raises(AssertionError, match=r"units\.unit"):
            portal_matrix.check_list(ground, "units.unit")


def test_a_page_whose_permission_is_not_asked_is_seen(ground):
    with (
        patch.object(User, "has_perm", lambda self, *_: self.is_staff),
        pytest.raises(AssertionError, match=r"wallets\.wallet refund"),
    ):
        portal_matrix.check_answers(ground, visiting.address_of("wallets.wallet refund"))


def test_choices_without_a_scope_are_seen(ground):
    def unscoped(self, db, db_field, request):
        return db_field.related_model._default_manager.all()

    with (
        patch.object(ScopedMixin, "get_field_queryset", unscoped),
        pytest.raises(AssertionError, match=r"units\.occupancy add takes a foreign"),
    ):
        portal_forms.check_choices(ground, visiting.address_of("units.occupancy add"))


def test_a_page_without_a_row_is_named(ground):
    with patch.dict(PAGES):
        del PAGES["meters.meter"]
        with pytest.raises(AssertionError, match=r"meters\.meter"):
            test_portal.test_every_page_is_in_the_table()
