from datetime import date
from decimal import Decimal
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Q

from accounts.models import User
from accounts.scoping import EstateScopedQuerySet, SharedQuerySet
from estates.models import Estate
from quantify.bounds import between
from quantify.quantities import Utility
from quantify.records import Archivable, Record
from rates.components import in_full
from units.models import DateRange, Unit

UTILITIES = [(utility.value, utility.value.title()) for utility in Utility]


class TariffCalendar(Record):
    """Seasons, day types and hours under a name, versioned apart from prices."""

    name = models.SlugField(max_length=40)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    definition = models.JSONField()
    source = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="one_calendar_version_at_a_time",
                expressions=[
                    ("name", RangeOperators.EQUAL),
                    (DateRange("valid_from", "valid_to", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} from {self.valid_from}"


class RateTableQuerySet(SharedQuerySet):
    """Shared rate tables are every member's to see; an estate's own only its members'."""

    def alive(self) -> Self:
        return self.filter(deleted_at=None)


class RateTable(Archivable):
    """A tariff under its name; its prices stand in versions with effective dates."""

    class MidMonth(models.TextChoices):
        CARRY = "carry_mtd", "Month-to-date carries over"
        PRORATE = "prorate_blocks", "Blocks are prorated by days"

    name = models.CharField(max_length=120)
    utility = models.CharField(max_length=15, choices=UTILITIES)
    licensee = models.CharField(max_length=120, blank=True)
    estate = models.ForeignKey(
        Estate,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="rate_tables",
        help_text="Empty: shared by all estates.",
    )
    calendar = models.SlugField(max_length=40, default="eskom")
    mid_month = models.CharField(max_length=20, choices=MidMonth, default=MidMonth.CARRY)
    is_reference = models.BooleanField(
        default=False, help_text="The licensed price that resale is compared with."
    )

    objects = RateTableQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "utility", "licensee", "estate"],
                name="rate_table_name_unique",
                nulls_distinct=False,
                condition=Q(deleted_at=None),
                violation_error_code="duplicate",
                violation_error_message="A rate table with this name exists.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="rate_table_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class ComponentsField(models.JSONField):
    """Components as `rates.components` writes them, however they were once stored."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return in_full(super().from_db_value(value, expression, connection))


class RateTableVersionQuerySet(EstateScopedQuerySet):
    estate_path = "rate_table__estate"

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(rate_table__in=RateTable.objects.visible_to(user))

    def on(self, day: date) -> Self:
        return self.filter(Q(effective_to=None) | Q(effective_to__gt=day), effective_from__lte=day)


class RateTableVersion(Record):
    """
    The prices of a rate table from a day up to but without another.

    Once it priced a bill it is never edited (the database refuses), only followed by the next.
    `components` is the documented format of the API, checked by `rates.components`.
    """

    class Confidence(models.TextChoices):
        PRIMARY = "primary", "The licensee's own document"
        PUBLISHED = "published", "Transcribed from published tables"
        PRESS = "press", "Reported in the press"
        DERIVED = "derived", "Derived from published examples"

    rate_table = models.ForeignKey(RateTable, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    components = ComponentsField()
    source = models.CharField(max_length=250, blank=True)
    confidence = models.CharField(max_length=12, choices=Confidence, blank=True)
    year_inferred = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RateTableVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rate_table", "number"], name="version_number_unique"),
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gt=F("effective_from")),
                name="version_ends_after_start",
                violation_error_message="A version ends after the day it starts.",
            ),
            ExclusionConstraint(
                name="one_version_in_force",
                expressions=[
                    ("rate_table", RangeOperators.EQUAL),
                    (
                        DateRange("effective_from", "effective_to", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_code="duplicate",
                violation_error_message="Another version is in force in that time.",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} from {self.effective_from}"

    @property
    def sureness(self) -> str:
        """How sure its prices are, in words."""
        return sureness(self.confidence, year_inferred=self.year_inferred)


def sureness(confidence: str | None, *, year_inferred: bool | None) -> str:
    """Where prices are known from, and whether their year is; blank if nobody said."""
    known = str(RateTableVersion.Confidence(confidence).label) if confidence else ""
    inferred = "year inferred" if year_inferred else ""
    return ", ".join(filter(None, (known, inferred))).capitalize()


class AssignmentQuerySet(SharedQuerySet):
    def on(self, day: date) -> Self:
        return self.filter(Q(effective_to=None) | Q(effective_to__gt=day), effective_from__lte=day)


def _one_at_a_time(name: str, scope: str, condition: Q) -> ExclusionConstraint:
    dates = DateRange("effective_from", "effective_to", RangeBoundary())
    own = [(scope, RangeOperators.EQUAL)] if scope else []
    return ExclusionConstraint(
        name=name,
        expressions=[
            *own,
            ("utility", RangeOperators.EQUAL),
            (dates, RangeOperators.OVERLAPS),
        ],
        condition=condition,
        violation_error_code="duplicate",
        violation_error_message="Another rate table is assigned in that time.",
    )


class Assignment(Record):
    """
    Which rate table prices a utility from when: of a unit, else of its estate, else of all.

    `estate` stands on a unit's assignment too, so that scope needs one path only.
    """

    estate = models.ForeignKey(
        Estate, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="assignments"
    )
    utility = models.CharField(max_length=15, choices=UTILITIES)
    rate_table = models.ForeignKey(RateTable, on_delete=models.PROTECT, related_name="assignments")
    markup_percentage = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(0), validators=between(0, 100)
    )
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_to=None) | Q(effective_to__gt=F("effective_from")),
                name="assignment_ends_after_start",
                violation_error_message="An assignment ends after the day it starts.",
            ),
            models.CheckConstraint(
                condition=Q(markup_percentage__gte=0, markup_percentage__lte=100),
                name="assignment_markup_range",
                violation_error_message="A markup is between 0 and 100 percent.",
            ),
            models.CheckConstraint(
                condition=Q(unit=None) | Q(estate__isnull=False), name="assignment_unit_has_estate"
            ),
            _one_at_a_time("one_rate_for_a_unit", "unit", Q(unit__isnull=False)),
            _one_at_a_time("one_rate_for_an_estate", "estate", Q(unit=None, estate__isnull=False)),
            _one_at_a_time("one_rate_for_all", "", Q(unit=None, estate=None)),
        ]

    def __str__(self) -> str:
        return f"{self.utility} from {self.effective_from}"


class ReferenceTable(Record):
    """
    The licensed rate table that resale in an estate is compared with, one for each utility.

    Its versions have their dates: an increase of the licensee is the next version.
    """

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="reference_tables")
    utility = models.CharField(max_length=15, choices=UTILITIES)
    rate_table = models.ForeignKey(RateTable, on_delete=models.PROTECT, related_name="references")

    objects = EstateScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["estate", "utility"],
                name="one_reference_a_utility",
                violation_error_code="duplicate",
                violation_error_message="This estate has a reference for the utility: change it.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.utility} of {self.estate_id}"
