"""Movements that wait for a second person."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.records import Record
from wallets.models.ledger import Transaction, Wallet
from wallets.models.money import money


class AdjustmentProposalQuerySet(EstateScopedQuerySet):
    def open(self) -> Self:
        return self.filter(state=AdjustmentProposal.State.PROPOSED)


class AdjustmentProposal(Record):
    """
    An adjustment above the estate's limit, waiting for a second person; `amount` is signed.

    Decided once, and never by who proposed it: the database refuses that. Who proposed it may
    withdraw it, which leaves `decided_by` empty.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="proposals")
    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="proposals")
    amount = money()
    reason = models.CharField(max_length=250)
    reference = models.CharField(max_length=140, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposed_adjustments"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="decided_adjustments",
    )
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=250, blank=True)
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, related_name="proposal"
    )
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True)

    objects = AdjustmentProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by")),
                name="proposal_decided_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at=None, decided_by=None, transaction=None)
                | Q(state="approved", decided_by__isnull=False, transaction__isnull=False)
                | Q(state="rejected", decided_by__isnull=False, transaction=None)
                | Q(state="withdrawn", decided_by=None, transaction=None),
                name="proposal_state_and_decision_agree",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed") | Q(decided_at__isnull=False),
                name="proposal_decision_has_its_time",
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="proposal_amount_not_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{'+' if self.amount > 0 else ''}{self.amount}, {self.state}"
