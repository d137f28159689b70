"""The access matrix of the API: every address, method, caller and object."""

import pytest

from quantify.tests.access import matrix
from quantify.tests.access.ground import undone
from quantify.tests.access.routes import operations
from quantify.tests.access.table import TABLE

ROUTES = sorted(operations())

pytestmark = pytest.mark.django_db


def test_every_route_is_in_the_table():
    missing = sorted(set(ROUTES) - set(TABLE))
    assert not missing, (
        f"{missing}: add a row for each to quantify/tests/access/table.py, which says how."
    )


def test_every_row_of_the_table_is_a_route():
    assert sorted(set(TABLE) - set(ROUTES)) == []


def test_a_batch_hides_what_its_operations_hide(ground):
    with undone():
        matrix.check_batch(ground)


def test_the_search_finds_nothing_foreign(ground):
    matrix.check_search(ground)


@pytest.mark.parametrize("route", ROUTES)
class TestEveryRoute:
    def test_answers_each_caller_as_their_role_and_estates_say(self, ground, route):
        matrix.check_answers(ground, route)

    def test_refuses_methods_it_does_not_offer(self, ground, route):
        matrix.check_other_methods(ground, route)

    def test_lists_finds_and_exports_nothing_foreign(self, ground, route):
        matrix.check_list(ground, route)

    def test_takes_no_foreign_object_as_a_parameter(self, ground, route):
        matrix.check_parameters(ground, route)

    def test_refuses_fields_it_does_not_know(self, ground, route):
        matrix.check_unknown_fields(ground, route)

    def test_takes_no_foreign_object_in_a_body(self, ground, route):
        matrix.check_bodies(ground, route)
