"""A wallet, and everything that ever happened to it."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from estates.models import Estate
from quantify import searching
from quantify.money import ZERO
from quantify.records import Record
from rates.models import UTILITIES
from units.models import Unit
from units.stays import AtHomeQuerySet, LivedQuerySet
from wallets.models.money import Account, money


class WalletQuerySet(AtHomeQuerySet):
    estate_path = "unit__estate"

    def locked(self) -> Self:
        """
        For update, always in primary-key order, so that no two callers wait for each other.

        Not against those who only refer to a wallet: their foreign keys lock its key.
        """
        return self.select_for_update(of=("self",), no_key=True).order_by("pk")


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


REFERRED_TO_BY_PEOPLE = ("topup", "refund", "adjustment", "service_charge")


class TransactionQuerySet(LivedQuerySet):
    unit_path = "wallet__unit"
    moment = "occurred_at"

    def latest_first(self) -> Self:
        return self.order_by("-number")


class Transaction(models.Model):
    """
    One thing that happened to a wallet: a top-up, a purchase, consumption, a reversal.

    Append-only (the database refuses change) and numbered without holes in its wallet by
    `sequence`. `amount` is positive in the direction that the kind names. Its postings are in
    the row, line by line (`debits`, `credits`, `amounts`; as rows: `postings`), so that neither
    can be without the other. To write it moves its wallet: `ledger_carry_wallets`.
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
        Wallet,
        on_delete=models.PROTECT,
        related_name="transactions",
        db_index=False,
        db_constraint=False,
    )
    estate = models.ForeignKey(
        Estate,
        on_delete=models.PROTECT,
        related_name="transactions",
        db_index=False,
        db_constraint=False,
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
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True)
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="reversed_by",
        db_constraint=False,
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,
    )
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    debits = ArrayField(models.SmallIntegerField(), editable=False)
    credits = ArrayField(models.SmallIntegerField(), editable=False)
    amounts = ArrayField(money(), editable=False)

    objects = TransactionQuerySet.as_manager()

    class Meta:
        permissions = [
            ("reverse_transaction", "Can reverse a transaction"),
            ("override_reversal", "Can reverse money that was spent, as arrears"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "sequence"], name="transaction_sequence"),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="transaction_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False)
                | (~Q(kind="reversal") & Q(reverses=None)),
                name="reversal_names_what_it_reverses",
            ),
        ]
        indexes = [
            models.Index(fields=["estate", "-number"], name="transaction_by_estate"),
            models.Index(fields=["estate", "occurred_at"], name="transaction_by_time"),
            # Rows lie in the order of their recording: a summary of blocks finds a day.
            BrinIndex(fields=["recorded_at"], name="transaction_recorded", autosummarize=True),
            # What is charged, by far the most, refers to its month: nobody looks for it by that.
            *searching.indexes(
                "transaction", "reference", condition=Q(kind__in=REFERRED_TO_BY_PEOPLE)
            ),
        ]

    def __str__(self) -> str:
        return f"T{self.number:09d}"


class PostingQuerySet(LivedQuerySet):
    estate_path = "transaction__estate"
    unit_path = "transaction__wallet__unit"
    moment = "transaction__occurred_at"


class Posting(models.Model):
    """
    An amount debited to one account and credited to another: balanced by construction.

    A line of its transaction's row, seen as a row (a view): it is read here and never written.
    """

    id = models.BigIntegerField(primary_key=True)
    transaction = models.ForeignKey(
        Transaction, on_delete=models.DO_NOTHING, related_name="postings", db_constraint=False
    )
    line = models.PositiveSmallIntegerField()
    debit = models.PositiveSmallIntegerField(choices=Account)
    credit = models.PositiveSmallIntegerField(choices=Account)
    amount = money()

    objects = PostingQuerySet.as_manager()

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"R{self.amount}: {self.get_debit_display()} to {self.get_credit_display()}"
