"""Estates: whose electricity and water is resold to their units."""

from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from accounts.models import User
from accounts.scoping import ArchivableQuerySet
from quantify.bounds import between
from quantify.records import Archivable


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
        validators=between(-90, 90),
        max_digits=8, decimal_places=5, null=True, blank=True,
        help_text="Degrees north; south is negative. Says when it is night over the solar meters.",
    )  # fmt: skip
    longitude = models.DecimalField(
        validators=between(-180, 180),
        max_digits=8,
        decimal_places=5,
        null=True,
        blank=True,
        help_text="Degrees east.",
    )
    total_units = models.PositiveIntegerField(default=0)
    solar_free_allocation_kwh = models.DecimalField(
        "free solar, kWh a month",
        validators=between(0),
        max_digits=9,
        decimal_places=3,
        default=Decimal("50.000"),
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
                violation_error_message="The free allocation is not below 0.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
