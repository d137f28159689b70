from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.tests.factories import UserFactory
from notifications.models import Notification
from wallets.credit import restores
from wallets.models import CreditSwitch

NOW = datetime(2026, 7, 15, 10, tzinfo=UTC)

pytestmark = pytest.mark.django_db


class TestWatch:
    def test_knows_its_own_database_again(self):
        assert not restores.watch(now=NOW)
        assert not restores.watch(now=NOW)

        assert CreditSwitch.objects.get().identity == restores.identity()
        assert not restores.is_inhibited()

    def test_inhibits_cuts_in_a_database_that_was_restored(self):
        CreditSwitch.objects.create(identity="7123/00000001/16384")

        assert restores.is_inhibited()
        assert restores.watch(now=NOW)

        switch = CreditSwitch.objects.get()
        assert switch.is_inhibited
        assert "restored" in switch.reason
        assert Notification.objects.get().event == "cuts_stopped"

    def test_inhibits_cuts_where_less_was_written_than_was_seen_before(self):
        restores.watch(now=NOW)
        cache.set(restores.SEEN, 2**62, timeout=None)

        assert restores.watch(now=NOW)
        assert restores.is_inhibited()

    def test_stays_until_a_person_clears_it(self, client):
        CreditSwitch.objects.create(identity="7123/00000001/16384")
        restores.watch(now=NOW)
        restores.watch(now=NOW)
        assert restores.is_inhibited()

        switch = CreditSwitch.objects.get()
        client.force_login(UserFactory.create(role__code="super_admin"))
        url = reverse("admin:wallets_creditswitch_change", args=[switch.pk])
        client.post(url, {"reason": "Payments since the backup were looked at."})

        assert not restores.is_inhibited()
        assert not restores.watch(now=NOW)

    def test_takes_note_of_a_database_that_was_never_asked(self):
        CreditSwitch.objects.create()

        assert not restores.watch(now=NOW)

        assert CreditSwitch.objects.get().identity == restores.identity()
