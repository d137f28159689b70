"""Where the warnings of a wallet differ from those of its estate."""

from django.db import models
from django.db.models import Q

from accounts.scoping import EstateScopedQuerySet
from estates.models import EstateSettings
from quantify.records import Record
from wallets.models.ledger import Wallet


class WarningTermsQuerySet(EstateScopedQuerySet):
    estate_path = "wallet__unit__estate"


class WarningTerms(Record):
    """
    A wallet's own terms of being warned; what is empty is as the estate has it.

    Beside `Wallet.low_balance_limit`, and in a table of its own: the row of a wallet is its
    ledger's lock. Most wallets have none.
    """

    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT, related_name="warning_terms")
    low_balance_rule = models.CharField(
        max_length=20, choices=EstateSettings.LowBalanceRule, blank=True
    )
    low_balance_days = models.PositiveSmallIntegerField(null=True, blank=True)
    low_balance_repeat_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    low_balance_critical_percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True
    )

    objects = WarningTermsQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "warning terms"
        constraints = [
            models.CheckConstraint(
                condition=Q(low_balance_days=None)
                | Q(low_balance_days__gte=1, low_balance_days__lte=60),
                name="warning_terms_days",
                violation_error_message="The forecast reaches from 1 to 60 days.",
            ),
            models.CheckConstraint(
                condition=Q(low_balance_repeat_hours=None)
                | Q(low_balance_repeat_hours__gte=1, low_balance_repeat_hours__lte=720),
                name="warning_terms_repeat",
                violation_error_message="A warning is repeated after 1 to 720 hours.",
            ),
            models.CheckConstraint(
                condition=Q(low_balance_critical_percent=None)
                | Q(low_balance_critical_percent__gte=0, low_balance_critical_percent__lte=100),
                name="warning_terms_critical",
                violation_error_message="The critical share is between 0 and 100 percent.",
            ),
        ]

    def __str__(self) -> str:
        return f"Warning terms of {self.wallet_id}"
