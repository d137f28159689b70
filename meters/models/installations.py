"""Where meters hang, from when to when: each in one place, one of a kind at a unit."""

from typing import Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from accounts.scoping import EstateScopedQuerySet
from meters.models.devices import Meter
from quantify.records import Record
from units.models import Unit

ONE_OF_A_KIND = "one_meter_of_a_kind_at_a_unit"


class InstantRange(Func):
    """The SQL `tstzrange` of two instants."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class InstallationQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"

    def at(self, instant: object) -> Self:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=instant), starts_at__lte=instant)


class Installation(Record):
    """That a meter hangs at a unit (a bulk meter: at the estate) from one instant to another."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="installations")
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, related_name="installations"
    )
    kind = models.CharField(max_length=20, choices=Meter.Kind, editable=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    opening_value = models.BigIntegerField(help_text="Register at installation, in Wh or litres.")
    closing_value = models.BigIntegerField(null=True, blank=True)
    end_reason = models.CharField("why it was taken down", max_length=250, blank=True)

    objects = InstallationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="installation_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(unit__isnull=False) | Q(kind__startswith="bulk_"),
                name="only_bulk_meters_without_unit",
                violation_error_message="Name the unit; only bulk meters hang at the estate.",
            ),
            ExclusionConstraint(
                name="meter_in_one_place_at_a_time",
                expressions=[
                    ("meter", RangeOperators.EQUAL),
                    (
                        InstantRange("starts_at", "ends_at", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_code="duplicate",
                violation_error_message="The meter is installed elsewhere in that time.",
            ),
            ExclusionConstraint(
                name=ONE_OF_A_KIND,
                expressions=[
                    ("unit", RangeOperators.EQUAL),
                    ("kind", RangeOperators.EQUAL),
                    (
                        InstantRange("starts_at", "ends_at", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(unit__isnull=False),
                violation_error_code="duplicate",
                violation_error_message="The unit has a meter of this kind in that time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} from {self.starts_at:%Y-%m-%d}"
