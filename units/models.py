from typing import Self

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Upper

from accounts.models import User
from accounts.scoping import ArchivableQuerySet, EstateScopedQuerySet
from estates.models import Estate
from quantify import searching
from quantify.records import Archivable, Record
from units.stays import AtHomeQuerySet

E164 = RegexValidator(r"^\+[1-9]\d{7,14}$", "Give the number as +27821234567.")


class DateRange(Func):
    """The SQL `daterange` of two dates."""

    function = "DATERANGE"
    output_field = DateRangeField()


class UnitQuerySet(AtHomeQuerySet):
    unit_path = "pk"

    def alive(self) -> Self:
        return self.filter(deleted_at=None)

    def of_estate(self, estate: Estate) -> Self:
        return self.filter(estate=estate)


class Unit(Archivable):
    """A home in an estate: the place that is supplied, metered and charged."""

    class Status(models.TextChoices):
        OCCUPIED = "occupied", "Occupied"
        VACANT = "vacant", "Vacant"
        MAINTENANCE = "maintenance", "Maintenance"

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="units")
    unit_number = models.CharField(max_length=30)
    building = models.CharField(max_length=60, blank=True)
    floor = models.SmallIntegerField(null=True, blank=True)
    bedrooms = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms = models.PositiveSmallIntegerField(null=True, blank=True)
    size_m2 = models.DecimalField("size, m²", max_digits=8, decimal_places=2, null=True, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.VACANT)
    protected_supply = models.BooleanField(
        default=False, help_text="Never cut, for example because life support depends on it."
    )

    objects = UnitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                F("estate"), Upper("unit_number"),
                name="unit_number_unique_in_estate",
                violation_error_code="duplicate",
                violation_error_message="The estate has a unit with this number.",
            ),
            models.CheckConstraint(condition=~Q(unit_number=""), name="unit_number_not_empty"),
        ]  # fmt: skip
        indexes = searching.indexes("unit", "unit_number", "building")

    def __str__(self) -> str:
        return self.unit_number


class ResidentQuerySet(ArchivableQuerySet):
    def of_resident(self, user: User) -> Self:
        return self.filter(user=user)


class Resident(Archivable):
    """A person who lives in or owns units of an estate."""

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="residents")
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=16, blank=True, validators=[E164])
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False,
        related_name="resident",
    )  # fmt: skip

    objects = ResidentQuerySet.as_manager()

    class Meta:
        permissions = [("invite_resident", "Can let a resident sign in")]
        indexes = searching.indexes("resident", "first_name", "last_name", "email", "phone")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class OccupancyQuerySet(EstateScopedQuerySet):
    estate_path = "unit__estate"

    def of_resident(self, user: User) -> Self:
        return self.filter(resident__user=user)

    def on(self, day: object) -> Self:
        return self.filter(Q(ends_on=None) | Q(ends_on__gt=day), starts_on__lte=day)


class Occupancy(Record):
    """Who lives in or owns a unit, from a day up to but without another."""

    class Kind(models.TextChoices):
        TENANT = "tenant", "Tenant"
        OWNER = "owner", "Owner"

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="occupancies")
    resident = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="occupancies")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TENANT)
    is_primary = models.BooleanField(default=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    objects = OccupancyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "occupancies"
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")),
                name="occupancy_ends_after_start",
                violation_error_message="An occupancy ends after the day it starts.",
            ),
            ExclusionConstraint(
                name="one_primary_tenant_at_a_time",
                expressions=[
                    ("unit", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
                condition=Q(kind="tenant", is_primary=True),
                violation_error_code="duplicate",
                violation_error_message="The unit has a primary tenant in that time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.starts_on}"
