"""What a month costs, and why a charge has its amount."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from quantify.money import ZERO
from quantify.records import Record
from rates.models import UTILITIES
from units.stays import LivedQuerySet, Stay
from wallets.models.ledger import Transaction, Wallet
from wallets.models.money import money


class BillQuerySet(LivedQuerySet):
    estate_path = "wallet__unit__estate"

    def during(self, stay: Stay) -> Q:
        """The months, or parts of one, that nobody else's use is in."""
        since = Coalesce("since", "month")
        lived = Q(wallet__unit=stay.unit_id, priced_to__gt=stay.first_day)
        if stay.end_day is not None:
            lived &= Q(priced_to__lte=stay.end_day)
        if stay.alone_since is not None:
            lived &= Q(GreaterThanOrEqual(since, stay.alone_since))
        return lived


class Bill(Record):
    """
    What a wallet's month of one utility costs so far, and how much of it was charged.

    A month that a settlement cut has a bill for each part.

    `revision` is the sum of the revisions of the days it was made from: while it equals
    theirs (and no new day began), nothing is to be charged. The next charge covers what was
    used since `charged_to`, and what `charged_consumption` lacks of the month; that is null for
    a bill whose charges did not tell yet. `vat_percent` and `free_solar` are what it was priced
    with, null if that is not known: it is priced again then. `rates` is the state of all rate
    tables and assignments when the bill was found stale. `banded` is what the days before today
    added up to by time-of-use band, and their highest demand (`bands` and
    `demand` in `wallets.billing`); it may be emptied at any time.
    """

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="bills")
    utility = models.CharField(max_length=15, choices=UTILITIES)
    month = models.DateField(help_text="The first day of the local month.")
    since = models.DateField(
        null=True, help_text="The day on which it begins, if a settlement cut the month there."
    )
    priced_to = models.DateField(help_text="Up to but without this local day.")
    consumption = models.BigIntegerField(default=0)
    revision = models.BigIntegerField(default=0)
    lines = models.JSONField(default=list)
    subtotal = money(default=ZERO)
    markup = money(default=ZERO)
    vat = money(default=ZERO)
    total = money(default=ZERO)
    charged = money(default=ZERO)
    charged_to = models.DateTimeField(null=True)
    charged_consumption = models.BigIntegerField(null=True, default=0)
    version = models.ForeignKey(
        "rates.RateTableVersion", on_delete=models.PROTECT, null=True, related_name="bills"
    )
    vat_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    free_solar = models.DecimalField(
        "free solar, kWh", max_digits=9, decimal_places=3, null=True,
        help_text="What the estate gives away in a month; of solar alone.",
    )  # fmt: skip
    rates = models.BigIntegerField(null=True)
    banded = models.JSONField(default=dict)
    continues = models.JSONField(null=True, editable=False)
    problem = models.CharField(max_length=250, blank=True)

    objects = BillQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wallet", "utility", "month", "since"],
                name="one_bill_a_month",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(fields=["month"], condition=~Q(problem=""), name="bill_without_price"),
        ]

    def __str__(self) -> str:
        return f"{self.utility} {self.month:%Y-%m}"


class BilledFacts(models.Model):
    """
    The facts at which a run left nothing to bill: one row or none (`wallets.billing.unchanged`).

    It may be deleted at any time: the next run then compares all bills with the facts.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    digest = models.CharField(max_length=65)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_billed_facts"),
        ]

    def __str__(self) -> str:
        return self.digest


class ChargeQuerySet(LivedQuerySet):
    estate_path = "transaction__estate"
    unit_path = "transaction__wallet__unit"
    moment = "transaction__occurred_at"


class Charge(models.Model):
    """
    Why a consumption transaction has its amount: the step of a bill from one total to the next.

    `lines` are the differences of the bill's lines. `evidence` names by value the registers, the
    range and the readings that it was made from (`wallets.billing.evidence`).
    """

    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, primary_key=True, related_name="charge"
    )
    bill = models.ForeignKey(Bill, on_delete=models.PROTECT, related_name="charges")
    # That it priced a bill keeps it (`rates`); to ask for it row by row lanes would share its lock.
    version = models.ForeignKey(
        "rates.RateTableVersion",
        on_delete=models.PROTECT,
        related_name="charges",
        db_index=False,
        db_constraint=False,
    )
    consumption_before = models.BigIntegerField()
    consumption_after = models.BigIntegerField()
    total_before = money()
    total_after = money()
    vat = money()
    lines = models.JSONField(default=list)
    evidence = models.JSONField(default=dict)

    objects = ChargeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Charge {self.transaction_id}"
