from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.quantities import Utility
from quantify.records import Record
from rates.models import UTILITIES
from units.models import Unit

ZERO = Decimal("0.00")


def money(**options: Any) -> models.DecimalField:
    """A column of rand and cents."""
    return models.DecimalField(max_digits=14, decimal_places=2, **options)


class Account(models.IntegerChoices):
    """
    The accounts that postings move money between.

    Those of a wallet belong to the wallet of the transaction, the others to its estate.
    """

    AVAILABLE = 1, "Wallet: available"
    ELECTRICITY = 2, "Wallet: electricity"
    WATER = 3, "Wallet: water"
    SOLAR = 4, "Wallet: solar"
    ARREARS = 9, "Wallet: arrears"
    CLEARING_EFT = 20, "Clearing: EFT"
    CLEARING_CARD = 21, "Clearing: card"
    CLEARING_INSTANT_EFT = 22, "Clearing: instant EFT"
    CLEARING_CASH = 23, "Clearing: cash"
    CLEARING_SYSTEM = 24, "Clearing: system"
    REVENUE_ELECTRICITY = 30, "Revenue: electricity"
    REVENUE_WATER = 31, "Revenue: water"
    REVENUE_SOLAR = 32, "Revenue: solar"
    VAT_OUTPUT = 40, "VAT output"
    ADJUSTMENTS = 50, "Adjustments"
    REFUNDS = 51, "Refunds"
    SERVICE_CHARGES = 52, "Service charges"


class WalletQuerySet(EstateScopedQuerySet):
    estate_path = "unit__estate"

    def locked(self) -> Self:
        """For update, always in primary-key order, so that no two callers wait for each other."""
        return self.select_for_update(of=("self",)).order_by("pk")


class Wallet(Record):
    """
    A unit's prepaid money in pockets; written by `wallets.ledger` alone.

    Water may go below zero; electricity and solar that the money could not pay stand in
    `arrears`. The balance is computed by the database.
    """

    unit = models.OneToOneField(Unit, on_delete=models.PROTECT, related_name="wallet")
    available = money(default=ZERO, editable=False)
    electricity = money(default=ZERO, editable=False)
    water = money(default=ZERO, editable=False)
    solar = money(default=ZERO, editable=False)
    arrears = money(default=ZERO, editable=False)
    balance = models.GeneratedField(
        expression=F("available") + F("electricity") + F("water") + F("solar"),
        output_field=models.DecimalField(max_digits=14, decimal_places=2),
        db_persist=True,
    )
    sequence = models.BigIntegerField(default=0, editable=False)
    is_suspended = models.BooleanField(default=False)
    low_balance_limit = money(
        null=True, blank=True, help_text="Warn below this; empty: as the estate does."
    )

    objects = WalletQuerySet.as_manager()

    class Meta:
        permissions = [
            ("topup_wallet", "Can top up a wallet"),
            ("purchase_wallet", "Can move money to a utility"),
            ("adjust_wallet", "Can adjust a wallet"),
            ("refund_wallet", "Can refund a wallet"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(**{f"{pocket}__gte": 0}), name=f"wallet_{pocket}_not_negative"
            )
            for pocket in ("available", "electricity", "solar", "arrears")
        ]

    def __str__(self) -> str:
        return f"Wallet of {self.unit_id}"


class TransactionQuerySet(EstateScopedQuerySet):
    def latest_first(self) -> Self:
        return self.order_by("-number")


class Transaction(models.Model):
    """
    One thing that happened to a wallet: a top-up, a purchase, consumption, a reversal.

    Append-only (the database refuses change); made of postings; numbered without holes in
    its wallet by `sequence`. `amount` is positive in the direction that the kind names.
    """

    class Kind(models.TextChoices):
        TOPUP = "topup", "Top-up"
        PURCHASE_ELECTRICITY = "purchase_electricity", "Electricity purchase"
        PURCHASE_WATER = "purchase_water", "Water purchase"
        PURCHASE_SOLAR = "purchase_solar", "Solar purchase"
        CONSUMPTION_ELECTRICITY = "consumption_electricity", "Electricity consumption"
        CONSUMPTION_WATER = "consumption_water", "Water consumption"
        CONSUMPTION_SOLAR = "consumption_solar", "Solar consumption"
        REFUND = "refund", "Refund"
        ADJUSTMENT = "adjustment", "Adjustment"
        SERVICE_CHARGE = "service_charge", "Service charge"
        REVERSAL = "reversal", "Reversal"

    class Method(models.TextChoices):
        EFT = "eft", "EFT"
        CARD = "card", "Card"
        INSTANT_EFT = "instant_eft", "Instant EFT"
        CASH = "cash", "Cash"
        ADJUSTMENT = "adjustment", "Adjustment"
        SYSTEM = "system", "System"

    id = Record._meta.get_field("id").clone()
    number = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=Func(Value("wallets_transaction_number"), function="nextval"),
    )
    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="transactions", db_index=False
    )
    estate = models.ForeignKey(
        Estate, on_delete=models.PROTECT, related_name="transactions", db_index=False
    )
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=24, choices=Kind)
    utility = models.CharField(max_length=15, choices=UTILITIES, blank=True)
    amount = money()
    balance_before = money()
    balance_after = money()
    arrears_after = money(default=ZERO)
    payment_method = models.CharField(max_length=12, choices=Method, blank=True)
    reference = models.CharField(max_length=140, blank=True)
    reason = models.CharField(max_length=250, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="reversed_by"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TransactionQuerySet.as_manager()

    class Meta:
        permissions = [
            ("reverse_transaction", "Can reverse a transaction"),
            ("override_reversal", "Can reverse money that was spent, as arrears"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "sequence"], name="transaction_sequence"),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False)
                | (~Q(kind="reversal") & Q(reverses=None)),
                name="reversal_names_what_it_reverses",
            ),
        ]
        indexes = [
            models.Index(fields=["estate", "-number"], name="transaction_by_estate"),
            models.Index(fields=["estate", "occurred_at"], name="transaction_by_time"),
        ]

    def __str__(self) -> str:
        return f"T{self.number:09d}"


class PostingQuerySet(EstateScopedQuerySet):
    estate_path = "transaction__estate"


class Posting(models.Model):
    """An amount debited to one account and credited to another: balanced by construction."""

    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="postings", db_index=False
    )
    line = models.PositiveSmallIntegerField()
    debit = models.PositiveSmallIntegerField(choices=Account)
    credit = models.PositiveSmallIntegerField(choices=Account)
    amount = money()

    objects = PostingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transaction", "line"], name="posting_line_unique"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="posting_amount_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="posting_two_accounts"),
        ]

    def __str__(self) -> str:
        return f"R{self.amount}: {self.get_debit_display()} to {self.get_credit_display()}"


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


class BillQuerySet(EstateScopedQuerySet):
    estate_path = "wallet__unit__estate"


class Bill(Record):
    """
    What a wallet's month of one utility costs so far, and how much of it was charged.

    `revision` is the sum of the revisions of the days it was made from: while it equals
    theirs (and no new day began), nothing is to be charged.
    """

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="bills")
    utility = models.CharField(max_length=15, choices=UTILITIES)
    month = models.DateField(help_text="The first day of the local month.")
    priced_to = models.DateField(help_text="Up to but without this local day.")
    consumption = models.BigIntegerField(default=0)
    revision = models.BigIntegerField(default=0)
    lines = models.JSONField(default=list)
    subtotal = money(default=ZERO)
    markup = money(default=ZERO)
    vat = money(default=ZERO)
    total = money(default=ZERO)
    charged = money(default=ZERO)
    version = models.ForeignKey(
        "rates.RateTableVersion", on_delete=models.PROTECT, null=True, related_name="bills"
    )
    problem = models.CharField(max_length=250, blank=True)

    objects = BillQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wallet", "utility", "month"], name="one_bill_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.utility} {self.month:%Y-%m}"


class ChargeQuerySet(EstateScopedQuerySet):
    estate_path = "transaction__estate"


class Charge(models.Model):
    """
    Why a consumption transaction has its amount: the step of a bill from one total to the next.

    `lines` are the differences of the bill's lines; the interval range is named by value.
    """

    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, primary_key=True, related_name="charge"
    )
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="charges")
    version = models.ForeignKey(
        "rates.RateTableVersion", on_delete=models.PROTECT, related_name="charges", db_index=False
    )
    consumption_before = models.BigIntegerField()
    consumption_after = models.BigIntegerField()
    total_before = money()
    total_after = money()
    vat = money()
    lines = models.JSONField(default=list)

    objects = ChargeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Charge {self.transaction_id}"


class CreditSwitch(Record):
    """The global inhibit switch: while it is on, no supply is cut by itself."""

    is_inhibited = models.BooleanField(default=False)
    reason = models.CharField(max_length=250, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Value(1), name="one_credit_switch"),
        ]

    def __str__(self) -> str:
        return "Cuts are inhibited" if self.is_inhibited else "Cuts are allowed"


POCKETS: dict[Utility, str] = {
    Utility.ELECTRICITY: "electricity",
    Utility.WATER: "water",
    Utility.SOLAR: "solar",
}
