"""What is decided about readings reaches the wallet, and taken back leaves it as it was."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.tests.factories import UserFactory
from meters.models import Reading
from meters.vee import editing, revalidation
from meters.vee.editing import Occasion
from quantify.tests import world
from wallets.billing import runs
from wallets.models import Transaction, Wallet
from wallets.proving import verification

pytestmark = pytest.mark.django_db


def bill(now) -> None:
    runs.bill(now=now)


class TestEditsAndTheWallet(TestCase):
    """An estate that used electricity for two days and was charged for it."""

    @classmethod
    def setUpTestData(cls):
        cls.world = world.build("VEE", days=2)
        (cls.meter,) = cls.world.meters
        cls.user = UserFactory.create()

    def balance(self):
        return Wallet.objects.get(unit=self.world.units[0]).balance

    def occasion(self) -> Occasion:
        return Occasion(self.user, timezone.now(), "Seen on the spot.")

    def readings(self) -> list[Reading]:
        found = Reading.objects.filter(meter=self.meter).order_by("taken_at")
        return list(found)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(1, 190), st.integers(-100, 100), st.sampled_from(["edit", "reject"]))
    def test_an_edit_that_is_undone_leaves_the_balance_as_it_was(self, number, by, action):
        now = timezone.now()
        bill(now)
        before = self.balance()
        reading = self.readings()[number]
        where = {"meter_id": self.meter.pk, "channel": 1, "occasion": self.occasion()}
        if action == "edit":
            value = max(reading.value + by, 0)
            made = [editing.edit(taken_at=reading.taken_at, value=value, **where)]
        else:
            made = editing.reject(instants=[reading.taken_at], **where)
        bill(now)

        editing.undo(edits=made, occasion=self.occasion())
        bill(now)

        assert self.balance() == before

    def test_the_last_reading_edited_costs_the_difference(self):
        now = timezone.now()
        bill(now)
        before, last = self.balance(), self.readings()[-1]

        made = editing.edit(
            meter_id=self.meter.pk, channel=1, taken_at=last.taken_at,
            value=last.value + 5000, occasion=self.occasion(),
        )  # fmt: skip
        bill(now)

        charge = Transaction.objects.order_by("-number")[0]
        assert charge.amount > 0
        assert self.balance() == before - charge.amount
        editing.undo(edits=[made], occasion=self.occasion())
        bill(now)
        assert self.balance() == before
        assert not verification.verify().differences

    def test_validating_again_charges_nothing(self):
        now = timezone.now()
        bill(now)
        before = Transaction.objects.count()

        for _ in range(2):
            revalidation.revalidate(
                meter_ids=[self.meter.pk], first=now - timedelta(days=3), last=now, now=now
            )
            bill(now)

        assert Transaction.objects.count() == before
