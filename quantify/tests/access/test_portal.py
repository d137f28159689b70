"""The access matrix of the portal: every page, caller and object, every choice and completion."""

import pytest
from django.contrib.contenttypes.models import ContentType

from quantify.tests.access import portal_files, portal_forms, portal_sending, visiting
from quantify.tests.access import portal_matrix as matrix
from quantify.tests.access.addresses import of_pages, of_site, registered
from quantify.tests.access.callers import Place
from quantify.tests.access.portal_states import STATES
from quantify.tests.access.portal_table import AT_WORK, PAGES, SITE
from quantify.tests.access.table import UNITS

ADDRESSES = [f"{page} {name}" for page, named in of_pages().items() for name in sorted(named)]
FORMS = [one for one in ADDRESSES if not one.endswith((" list", " history", " delete"))]
SENT = [one for one in ADDRESSES if not one.endswith((" list", " history"))]
STANDARD = {"list", "add", "change", "delete", "history"}

pytestmark = pytest.mark.django_db


def test_every_page_is_in_the_table():
    missing = sorted(set(registered()) - set(PAGES))
    assert not missing, f"{missing}: add a row for each to PAGES in portal_table.py."
    for page, row in PAGES.items():
        own = set(of_pages()[page]) - STANDARD
        assert own == set(row.pages), f"{page}: say in PAGES who may {own ^ set(row.pages)}."
    assert sorted(set(STATES) - set(ADDRESSES)) == []


def test_every_address_beside_them_is_in_the_table():
    assert sorted(set(of_site()) ^ set(SITE)) == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_answers_each_caller_as_their_role_and_estates_say(ground, address):
    matrix.check_answers(ground, visiting.address_of(address))


@pytest.mark.parametrize("address", SENT)
def test_a_form_that_is_filled_in_is_taken_from_who_may_send_it(ground, address):
    portal_sending.check_taken(ground, visiting.address_of(address))


@pytest.mark.parametrize("address", FORMS)
def test_a_form_takes_nothing_foreign(ground, address):
    portal_forms.check_choices(ground, visiting.address_of(address))


@pytest.mark.parametrize("page", registered())
class TestEveryList:
    def test_holds_nothing_foreign(self, ground, page):
        matrix.check_list(ground, page)

    def test_does_nothing_to_what_is_foreign(self, ground, page):
        matrix.check_bulk(ground, page)


@pytest.mark.parametrize("file", list(portal_files.files()), ids=str)
def test_a_file_tells_nothing_foreign(ground, file):
    portal_files.check_file(ground, file)


@pytest.mark.parametrize("completed", portal_forms.autocompletes(), ids=".".join)
def test_completes_nothing_foreign(ground, completed):
    portal_forms.check_autocomplete(ground, *completed)


@pytest.mark.parametrize("route", sorted(SITE))
def test_a_page_beside_them_tells_nothing_foreign(ground, route):
    unit = ground.pick(UNITS, Place.FOREIGN)
    kind = ContentType.objects.get_for_model(UNITS.model).pk
    path = route.replace("<path:content_type_id>/<path:object_id>", f"{kind}/{unit}")
    for written, one in (("<uidb64>/<token>", "AA/nothing"), ("<app_label>", "units/"),
                         ("<url>", "nothing/")):  # fmt: skip
        path = path.replace(written, one)
    matrix.check_site(ground, route, f"/{path}", at_work=SITE[route] == AT_WORK)


def test_the_search_finds_nothing_foreign(ground):
    matrix.check_search(ground)
