from typing import NamedTuple, Self

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
from quantify.sealing import SealedField
from units.identity_numbers import masked
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


class MaskedIdentity(NamedTuple):
    """An identity document as it is shown: its number but for the last characters hidden."""

    kind: str
    country: str
    number: str


class Resident(Archivable):
    """
    A person who lives in or owns units of an estate.

    The number of the identity document is sealed; written and opened by `units.identities` alone.
    """

    class Identity(models.TextChoices):
        SA_ID = "sa_id", "South African ID"
        PASSPORT = "passport", "Passport"

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="residents")
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=16, blank=True, validators=[E164])
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False,
        related_name="resident",
    )  # fmt: skip

    identity_kind = models.CharField(max_length=10, choices=Identity, blank=True, editable=False)
    identity_country = models.CharField(max_length=2, blank=True, editable=False)
    identity_ending = models.CharField(max_length=3, blank=True, editable=False)
    identity_length = models.PositiveSmallIntegerField(default=0, editable=False)
    identity_sealed = SealedField(blank=True)
    identity_given_at = models.DateTimeField(null=True, editable=False)

    objects = ResidentQuerySet.as_manager()

    class Meta:
        permissions = [
            ("invite_resident", "Can let a resident sign in"),
            ("reveal_resident", "Can see the number of a resident's identity document"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    identity_kind="", identity_country="", identity_ending="", identity_length=0,
                    identity_sealed="", identity_given_at=None,
                )
                | (
                    Q(identity_kind="passport") | Q(identity_kind="sa_id", identity_country="ZA")
                )
                & ~Q(identity_country="")
                & ~Q(identity_sealed="")
                & Q(identity_given_at__isnull=False),
                name="identity_whole_or_none",
            ),
        ]  # fmt: skip
        indexes = searching.indexes("resident", "first_name", "last_name", "email", "phone")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def identity(self) -> MaskedIdentity | None:
        """The identity document as it may be shown to who sees the resident."""
        if not self.identity_kind:
            return None
        number = masked(self.identity_length, self.identity_ending)
        return MaskedIdentity(self.identity_kind, self.identity_country, number)


class ConsentQuerySet(EstateScopedQuerySet):
    estate_path = "resident__estate"

    def of_resident(self, user: User) -> Self:
        return self.filter(resident__user=user)

    def standing(self) -> Self:
        return self.filter(withdrawn_at=None)


class Consent(Record):
    """
    What a person agreed to, when and by which channel, until they withdrew it.

    Written by `units.consents` alone; nothing of it but its end is ever changed.
    """

    class Purpose(models.TextChoices):
        ACCOUNT = "account", "Keeping of contact and account data"
        IDENTITY = "identity", "Keeping of the identity document"
        LOAD_PROFILE = "load_profile", "Analysis of the quarter-hourly consumption"
        MARKETING = "marketing", "Direct marketing"

    class Channel(models.TextChoices):
        PAPER = "paper", "Signed on paper"
        IN_PERSON = "in_person", "In person"
        PHONE = "phone", "By phone"
        EMAIL = "email", "By e-mail"
        SMS = "sms", "By SMS"
        APP = "app", "In the app"

    resident = models.ForeignKey(Resident, on_delete=models.PROTECT, related_name="consents")
    purpose = models.CharField("to what", max_length=20, choices=Purpose)
    channel = models.CharField(max_length=20, choices=Channel)
    wording = models.CharField(
        max_length=100, blank=True, help_text="Title and version of the text that was agreed to."
    )
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resident", "purpose"],
                condition=Q(withdrawn_at=None),
                name="one_standing_consent_to_a_purpose",
                violation_error_code="duplicate",
                violation_error_message="The resident consents to this already.",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("given_at")),
                name="consent_withdrawn_after_given",
                violation_error_message="A consent is withdrawn after it was given.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, {self.get_channel_display().lower()}"


class OccupancyQuerySet(EstateScopedQuerySet):
    estate_path = "unit__estate"

    def of_resident(self, user: User) -> Self:
        return self.filter(resident__user=user)

    def on(self, day: object) -> Self:
        return self.ending_after(day).filter(starts_on__lte=day)

    def ending_after(self, day: object) -> Self:
        """Those of a day, and those to come."""
        return self.filter(Q(ends_on=None) | Q(ends_on__gt=day))


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
