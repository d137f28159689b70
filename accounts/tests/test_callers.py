"""People found by what a request signs in with."""

import pytest
from django.db import connection

from accounts import callers
from accounts.models import User
from accounts.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class TestByName:
    @pytest.mark.parametrize("spelling", ["Thandi.M", "thandi.m", "THANDI.M"])
    def test_takes_any_spelling(self, spelling, django_assert_num_queries):
        person = UserFactory.create(username="Thandi.M")

        with django_assert_num_queries(1):
            found = callers.by_name(spelling)
            assert found is not None
            assert (found, found.role) == (person, person.role)
            assert found.password == person.password
            assert found.api_key is None

    def test_finds_nobody_by_a_part(self):
        UserFactory.create(username="thandi")
        assert callers.by_name("thand_") is None
        assert callers.by_name("thandi ") is None

    def test_finds_who_may_not_sign_in_any_more(self):
        UserFactory.create(username="thandi", is_active=False)
        found = callers.by_name("thandi")
        assert found is not None
        assert not found.is_active


def test_a_name_is_looked_for_in_the_index():
    UserFactory.create_batch(3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "user_name_unique" in User.objects.named("Thandi").explain()
