"""The last account of a person with a wallet, and what stands between them since."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.money import ZERO
from quantify.records import Record
from units.models import Occupancy
from wallets.models.ledger import Transaction, Wallet
from wallets.models.money import money


class SettlementQuerySet(EstateScopedQuerySet):
    def latest_first(self) -> Self:
        return self.order_by("-ends_on", "-pk")


class Settlement(Record):
    """
    That an occupancy's account was closed: bills final up to `ends_on`, the wallet at zero.

    Append-only, one for an occupancy. What was left was `refunded` or `kept` for the person;
    `debt` is what the person owed. `readings` names the final registers by value.
    """

    occupancy = models.OneToOneField(Occupancy, on_delete=models.PROTECT, related_name="settlement")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="settlements")
    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="settlements")
    resident = models.CharField(max_length=170)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The first local day that no longer belongs to it.")
    readings = models.JSONField(default=list)
    charged = money()
    held = money()
    owed = money()
    refunded = money(default=ZERO)
    kept = money(default=ZERO)
    debt = money(default=ZERO)
    payment_method = models.CharField(max_length=12, choices=Transaction.Method, blank=True)
    reference = models.CharField(max_length=140, blank=True)
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, related_name="settlement"
    )
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    settled_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SettlementQuerySet.as_manager()

    class Meta:
        permissions = [("collect_settlement", "Can take payments of settled debts")]
        constraints = [
            models.CheckConstraint(
                condition=Q(refunded__gte=0, kept__gte=0, debt__gte=0, held__gte=0, owed__gte=0),
                name="settlement_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(held=F("owed") + F("refunded") + F("kept") - F("debt")),
                name="settlement_leaves_nothing",
            ),
            models.CheckConstraint(
                condition=Q(refunded=0) | Q(kept=0), name="settlement_refunds_or_keeps"
            ),
            models.UniqueConstraint(fields=["wallet", "ends_on"], name="one_settlement_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.resident} up to {self.ends_on}"
