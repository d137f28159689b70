"""Months that are closed, and what was learned of them since."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Func, Min, Q

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.quantities import Utility
from quantify.records import Record
from rates.models import UTILITIES
from wallets.models.bills import Bill
from wallets.models.ledger import Transaction, Wallet
from wallets.models.money import money


class ClockTime(Func):
    """The instant of the statement, also in a transaction that has waited for a lock."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class MonthClosingQuerySet(EstateScopedQuerySet):
    def sealed_at(self, bill: Bill) -> datetime | None:
        """When the month of a bill was closed; None while it is open."""
        covering = self.filter(estate__units__wallet=bill.wallet_id, month__gte=bill.month)
        found: datetime | None = covering.aggregate(first=Min("sealed_at"))["first"]
        return found


class MonthClosing(Record):
    """
    That billing posts nothing by itself to an estate's month, or to one before it, any more.

    Append-only. `closed_by` is null where the estate's setting closed it. `sealed_at` is the
    database's clock under the locks of the estate's wallets.
    """

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="month_closings")
    month = models.DateField(help_text="The first day of the local month.")
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    sealed_at = models.DateTimeField(db_default=ClockTime(), editable=False)

    objects = MonthClosingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["estate", "month"],
                name="one_closing_a_month",
                violation_error_code="duplicate",
                violation_error_message="This month is closed.",
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="closing_names_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class BillDifferenceQuerySet(EstateScopedQuerySet):
    def open(self) -> Self:
        return self.filter(state=BillDifference.State.OPEN)


class BillDifference(Record):
    """
    What late or corrected facts would change of a closed month's bill, in rand with VAT.

    It moves no money until a person posts it, once: `transaction` is the charge that did. While
    it is open it follows the facts, and goes if they come back to what was charged.
    Consumption is of the month, in Wh or litres.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        POSTED = "posted", "Posted"
        DISMISSED = "dismissed", "Dismissed"

    class Cause(models.TextChoices):
        READINGS = "readings", "Readings came late or were corrected"
        PRICES = "prices", "Prices were changed for the past"
        NOT_BILLED = "not_billed", "It was not billed before the month closed"

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="differences")
    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="differences")
    utility = models.CharField(max_length=15, choices=UTILITIES)
    month = models.DateField()
    since = models.DateField(null=True, help_text="The part of a month that a settlement cut.")
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, null=True, related_name="differences")
    amount = money()
    charged = money()
    consumption_before = models.BigIntegerField()
    consumption_after = models.BigIntegerField()
    cause = models.CharField(max_length=12, choices=Cause)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=250, blank=True)
    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, null=True, related_name="difference"
    )

    objects = BillDifferenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "utility", "month", "since"],
                name="one_open_difference",
                nulls_distinct=False,
                condition=Q(state="open"),
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="difference_not_zero"),
            models.CheckConstraint(
                condition=Q(
                    state="open", decided_at=None, decided_by=None, transaction=None, reason=""
                )
                | Q(
                    ~Q(reason=""), state="posted", decided_at__isnull=False,
                    decided_by__isnull=False, transaction__isnull=False, bill__isnull=False,
                )
                | Q(
                    ~Q(reason=""), state="dismissed", decided_at__isnull=False,
                    decided_by__isnull=False, transaction=None,
                ),
                name="difference_state_and_decision_agree",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{Utility(self.utility).value} {self.month:%Y-%m}: R{self.amount}"
