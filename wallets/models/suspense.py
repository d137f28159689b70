"""Money that was received before it is known for whom, and where it went from there."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import DecimalField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Now

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.money import ZERO
from quantify.records import Record
from wallets.models.ledger import Transaction
from wallets.models.money import money

RAND = DecimalField(max_digits=14, decimal_places=2)


class SuspenseReceiptQuerySet(EstateScopedQuerySet):
    """A receipt of no known estate is seen by those who see every estate, and by nobody else."""

    def with_left(self) -> Self:
        """With `left`: what was received, less what stands allocated or was given back."""
        gone = SuspenseRelease.objects.standing().filter(receipt=OuterRef("pk")).order_by()
        sums = gone.values("receipt").annotate(sum=Sum("amount")).values("sum")
        nothing = Value(ZERO, output_field=RAND)
        return self.annotate(left=F("amount") - Coalesce(Subquery(sums), nothing))

    def open(self) -> Self:
        """Receipts of which something is left."""
        return self.with_left().filter(left__gt=0)

    def locked(self) -> Self:
        return self.select_for_update(of=("self",))


class SuspenseReceipt(Record):
    """
    Money in the bank or the till that is nobody's yet: from clearing to suspense.

    Append-only. `external_key` names the payment where it came from, so that the same line of a
    bank statement is one receipt of its estate however often it is sent. Each estate names its
    own payments: what another has recorded is nobody else's to learn, or to be in the way of.
    """

    class Method(models.TextChoices):
        EFT = "eft", "EFT"
        CARD = "card", "Card"
        INSTANT_EFT = "instant_eft", "Instant EFT"
        CASH = "cash", "Cash"

    estate = models.ForeignKey(
        Estate, on_delete=models.PROTECT, null=True, blank=True, related_name="suspense_receipts"
    )
    amount = money()
    payment_method = models.CharField(max_length=12, choices=Method)
    reference = models.CharField(max_length=140, blank=True)
    external_key = models.CharField(max_length=200)
    received_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SuspenseReceiptQuerySet.as_manager()

    class Meta:
        permissions = [("allocate_suspense", "Can allocate money in suspense, or give it back")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_amount_positive"),
            models.CheckConstraint(condition=~Q(external_key=""), name="receipt_has_its_key"),
            models.UniqueConstraint(
                fields=["estate", "external_key"],
                name="receipt_once_in_its_estate",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["estate", "-received_at"], name="receipt_by_estate"),
        ]

    def __str__(self) -> str:
        return f"R{self.amount} of {self.reference or self.external_key}"


class SuspenseReleaseQuerySet(EstateScopedQuerySet):
    estate_path = "receipt__estate"

    def standing(self) -> Self:
        """Releases that hold: given back, or allocated and not reversed since."""
        return self.filter(transaction__reversed_by=None)


class SuspenseRelease(Record):
    """
    A part of a receipt that left suspense: to a wallet by a transaction, or back to the payer.

    Append-only. A release whose transaction is reversed counts no longer, and its money is back
    in suspense.
    """

    receipt = models.ForeignKey(SuspenseReceipt, on_delete=models.PROTECT, related_name="releases")
    amount = money()
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, related_name="suspense_release"
    )
    reason = models.CharField(max_length=250, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    released_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SuspenseReleaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="release_amount_positive"),
            models.CheckConstraint(
                condition=Q(transaction__isnull=False) | ~Q(reason=""),
                name="release_to_the_payer_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"R{self.amount} {'allocated' if self.transaction_id else 'given back'}"
