"""How an estate runs its credit control, billing and messages."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from accounts.scoping import EstateScopedQuerySet
from estates.models.estates import Estate
from quantify.bounds import between
from quantify.money import CENT
from quantify.records import Record


class EstateSettings(Record):
    """
    How an estate bills, warns, cuts and writes; made with the estate, with safe defaults.

    Each setting stands in docs/settings.md with what it does and where.
    """

    class LowBalanceRule(models.TextChoices):
        FIXED = "fixed", "Below an amount"
        DAYS_REMAINING = "days_remaining", "Below a number of days by the forecast"
        SMART = "smart", "Below both; either while use is rising"

    class BillingCadence(models.TextChoices):
        COLLECTION = "collection", "After each collection of readings"
        HOURLY = "hourly", "At most once an hour"
        DAILY = "daily", "At most once a day"

    class StatementTemplate(models.TextChoices):
        STANDARD = "standard", "Standard"
        COMPACT = "compact", "Compact: without the table of days"

    class DisconnectWindow(models.TextChoices):
        ANY = "any", "At any time"
        OFFICE_HOURS = "office_hours", "Mondays to Thursdays, 09:00 to 15:00"

    estate = models.OneToOneField(Estate, on_delete=models.PROTECT, related_name="settings")
    low_balance_rule = models.CharField(
        max_length=20, choices=LowBalanceRule, default=LowBalanceRule.FIXED,
        help_text="When a resident is told that money runs out.",
    )  # fmt: skip
    low_balance_limit = models.DecimalField(
        validators=between(0),
        max_digits=10,
        decimal_places=2,
        default=Decimal(50),
        help_text="The amount, in rand.",
    )
    low_balance_days = models.PositiveSmallIntegerField(
        validators=between(1, 60), default=3, help_text="The number of days."
    )
    low_balance_repeat_hours = models.PositiveSmallIntegerField(
        validators=between(1, 720),
        default=24,
        help_text="The same is not told again for so many hours.",
    )
    low_balance_critical_percent = models.DecimalField(
        validators=between(0, 100),
        max_digits=5, decimal_places=2, default=Decimal(20),
        help_text="Critical below this share of the amount or of the days.",
    )  # fmt: skip
    billing_cadence = models.CharField(
        max_length=12, choices=BillingCadence, default=BillingCadence.COLLECTION,
        help_text="How often what was metered is charged.",
    )  # fmt: skip
    month_closes_after_days = models.PositiveSmallIntegerField(
        validators=between(1, 366),
        default=31,
        help_text="So many days after its end a month is closed: what is learned later is posted "
        "by a person.",
    )
    statement_template = models.CharField(
        max_length=12, choices=StatementTemplate, default=StatementTemplate.STANDARD
    )
    statement_footer = models.CharField(
        max_length=500, blank=True, help_text="Printed at the end of each statement."
    )
    activation_minimum = models.DecimalField(
        validators=between(0),
        max_digits=10, decimal_places=2, default=Decimal(20),
        help_text="A cut supply is restored when its credit reaches this.",
    )  # fmt: skip
    topup_minimum = models.DecimalField(
        "smallest top-up",
        validators=between(CENT),
        max_digits=10,
        decimal_places=2,
        default=Decimal(10),
    )
    topup_maximum = models.DecimalField(
        "largest top-up",
        validators=between(CENT),
        max_digits=10,
        decimal_places=2,
        default=Decimal(50_000),
    )
    adjustment_limit = models.DecimalField(
        validators=between(0),
        max_digits=10, decimal_places=2, default=Decimal(500),
        help_text="A larger adjustment waits until a second person approves it.",
    )  # fmt: skip
    debt_recovery_percent = models.DecimalField(
        validators=between(0, 100),
        max_digits=5, decimal_places=2, default=Decimal(100),
        help_text="The share of a top-up that may go to arrears.",
    )  # fmt: skip
    disconnect_window = models.CharField(
        max_length=20, choices=DisconnectWindow, default=DisconnectWindow.ANY
    )
    vat_registered = models.BooleanField(
        "VAT registered", default=True, help_text="Whether VAT is added to what is charged."
    )
    automatic_disconnection = models.BooleanField(default=True)
    reading_freshness_minutes = models.PositiveIntegerField(
        default=60, help_text="No cut when the newest reading is older than this."
    )
    offline_after_minutes = models.PositiveIntegerField(default=30)
    minimum_on_minutes = models.PositiveSmallIntegerField(
        default=30, help_text="A restored supply is not cut again for so many minutes."
    )
    minimum_off_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="A cut supply is not restored by itself for so many minutes."
    )
    breaker_cuts = models.PositiveIntegerField(
        default=10, help_text="More cuts than this within 15 minutes stop all cuts."
    )
    breaker_percent = models.DecimalField(
        validators=between(0, 100),
        max_digits=5, decimal_places=2, default=Decimal(5),
        help_text="Or more than this share of the estate's units.",
    )  # fmt: skip

    objects = EstateScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "estate settings"
        verbose_name_plural = "estate settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(topup_minimum__gt=0, topup_maximum__gte=models.F("topup_minimum")),
                name="estate_settings_topup_limits",
                violation_error_message="The top-up minimum is above 0 and below the maximum.",
            ),
            models.CheckConstraint(
                condition=Q(debt_recovery_percent__gte=0, debt_recovery_percent__lte=100),
                name="estate_settings_debt_share",
                violation_error_message="A share is between 0 and 100 percent.",
            ),
            models.CheckConstraint(
                condition=Q(month_closes_after_days__gte=1, month_closes_after_days__lte=366),
                name="estate_settings_month_closes",
                violation_error_message="A month is closed after 1 to 366 days.",
            ),
            models.CheckConstraint(
                condition=Q(activation_minimum__gte=0),
                name="estate_settings_activation",
                violation_error_message="An amount is not below 0.",
            ),
            models.CheckConstraint(
                condition=Q(adjustment_limit__gte=0),
                name="estate_settings_adjustment_limit",
                violation_error_message="A limit is not below 0.",
            ),
            models.CheckConstraint(
                condition=Q(low_balance_limit__gte=0),
                name="estate_settings_low_balance_limit",
                violation_error_message="The low balance limit is not below 0.",
            ),
            models.CheckConstraint(
                condition=Q(low_balance_days__gte=1, low_balance_days__lte=60),
                name="estate_settings_low_balance_days",
                violation_error_message="The forecast reaches from 1 to 60 days.",
            ),
            models.CheckConstraint(
                condition=Q(low_balance_repeat_hours__gte=1, low_balance_repeat_hours__lte=720),
                name="estate_settings_low_balance_repeat",
                violation_error_message="A warning is repeated after 1 to 720 hours.",
            ),
            models.CheckConstraint(
                condition=Q(
                    low_balance_critical_percent__gte=0, low_balance_critical_percent__lte=100
                ),
                name="estate_settings_low_balance_critical",
                violation_error_message="The critical share is between 0 and 100 percent.",
            ),
            models.CheckConstraint(
                condition=Q(breaker_percent__gte=0, breaker_percent__lte=100),
                name="estate_settings_breaker_share",
                violation_error_message="A share is between 0 and 100 percent.",
            ),
        ]

    def __str__(self) -> str:
        return f"Settings of {self.estate_id}"
