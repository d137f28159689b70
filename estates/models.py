from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from accounts.models import User
from accounts.scoping import ArchivableQuerySet, EstateScopedQuerySet
from quantify.records import Archivable, Record


def check_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Give an IANA time zone, for example Africa/Johannesburg.")


class EstateQuerySet(ArchivableQuerySet):
    estate_path = ""

    def of_resident(self, user: User) -> Self:
        """The estate that the resident's name stands in, now or once."""
        return self.filter(residents__user=user, residents__deleted_at=None)


class Estate(Archivable):
    """A residential estate that buys electricity and water in bulk and resells it to its units."""

    code = models.CharField(max_length=20, help_text="Unique, for example WC001.")
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=250, blank=True)
    city = models.CharField(max_length=80, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    contact_name = models.CharField(max_length=120, blank=True)
    contact_phone = models.CharField(max_length=20, blank=True)
    contact_email = models.EmailField(blank=True)
    time_zone = models.CharField(
        max_length=50, default="Africa/Johannesburg", validators=[check_time_zone]
    )
    latitude = models.DecimalField(
        max_digits=8, decimal_places=5, null=True, blank=True,
        help_text="Degrees north; south is negative. Says when it is night over the solar meters.",
    )  # fmt: skip
    longitude = models.DecimalField(
        max_digits=8, decimal_places=5, null=True, blank=True, help_text="Degrees east."
    )
    total_units = models.PositiveIntegerField(default=0)
    solar_free_allocation_kwh = models.DecimalField(
        "free solar, kWh a month", max_digits=9, decimal_places=3, default=Decimal("50.000")
    )
    is_active = models.BooleanField(default=True)

    objects = EstateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Upper("code"),
                name="estate_code_unique",
                violation_error_code="duplicate",
                violation_error_message="An estate with this code exists.",
            ),
            models.CheckConstraint(condition=~Q(code=""), name="estate_code_not_empty"),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="estate_coordinates",
                violation_error_message="Give latitude (-90 to 90) and longitude (-180 to 180).",
            ),
            models.CheckConstraint(
                condition=Q(solar_free_allocation_kwh__gte=0),
                name="estate_free_solar_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


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
        max_digits=10, decimal_places=2, default=Decimal(50), help_text="The amount, in rand."
    )
    low_balance_days = models.PositiveSmallIntegerField(default=3, help_text="The number of days.")
    low_balance_repeat_hours = models.PositiveSmallIntegerField(
        default=24, help_text="The same is not told again for so many hours."
    )
    low_balance_critical_percent = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(20),
        help_text="Critical below this share of the amount or of the days.",
    )  # fmt: skip
    billing_cadence = models.CharField(
        max_length=12, choices=BillingCadence, default=BillingCadence.COLLECTION,
        help_text="How often what was metered is charged.",
    )  # fmt: skip
    month_closes_after_days = models.PositiveSmallIntegerField(
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
        max_digits=10, decimal_places=2, default=Decimal(20),
        help_text="A cut supply is restored when its credit reaches this.",
    )  # fmt: skip
    topup_minimum = models.DecimalField(
        "smallest top-up", max_digits=10, decimal_places=2, default=Decimal(10)
    )
    topup_maximum = models.DecimalField(
        "largest top-up", max_digits=10, decimal_places=2, default=Decimal(50_000)
    )
    adjustment_limit = models.DecimalField(
        max_digits=10, decimal_places=2, default=Decimal(500),
        help_text="A larger adjustment waits until a second person approves it.",
    )  # fmt: skip
    debt_recovery_percent = models.DecimalField(
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
                condition=Q(activation_minimum__gte=0), name="estate_settings_activation"
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
        ]

    def __str__(self) -> str:
        return f"Settings of {self.estate_id}"


class MembershipQuerySet(EstateScopedQuerySet):
    def of(self, user: object) -> Self:
        return self.filter(user=user)


class Membership(Record):
    """That a person works for an estate; the role says what they may do there."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="memberships")

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "estate"], name="membership_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.estate_id}"
