"""
What meters reported and what follows from it.

The three time series are partitioned by month and written only by `meters.readings`, in sets.
Readings and intervals have no foreign key to their meter, which would ask for it row by row: who
writes them holds the meter's lock, and a trigger refuses to delete a meter that has any.
Their `id` is computed by the database from the natural key, so that it costs no space.
"""

from typing import Self

from django.db import models
from django.db.models.functions import Coalesce, Now

from accounts.scoping import EstateScopedQuerySet
from meters.models.devices import Meter, Register
from meters.vee.rules import Rule
from quantify.periods import Period
from quantify.records import Record
from units.stays import MeteredQuerySet


class ReadingQuerySet(MeteredQuerySet):
    estate_path = "meter__estate"
    moment = "taken_at"

    def within(self, period: Period) -> Self:
        return self.filter(taken_at__gte=period.start, taken_at__lt=period.end)

    def latest_first(self) -> Self:
        return self.order_by("-taken_at", "channel")


class Reading(models.Model):
    """
    The value of one register at one instant, in Wh or litres. A fact: never overwritten.

    A person's edit (`ReadingEdit`) puts `edited_value` beside it; `stands` is what counts.
    """

    class Source(models.TextChoices):
        AUTOMATIC = "automatic", "Automatic"
        MANUAL = "manual", "Manual"
        ESTIMATED = "estimated", "Estimated"

    id = models.UUIDField(primary_key=True, editable=False)
    meter = models.ForeignKey(
        Meter,
        on_delete=models.PROTECT,
        related_name="readings",
        db_index=False,
        db_constraint=False,
    )
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    taken_at = models.DateTimeField()
    value = models.BigIntegerField()
    source = models.CharField(max_length=10, choices=Source, default=Source.AUTOMATIC)
    status = models.PositiveSmallIntegerField("AMR status", default=0)
    rules = models.PositiveIntegerField("rules broken", default=0)
    is_valid = models.BooleanField(default=True)
    edited_value = models.BigIntegerField(null=True, editable=False)
    stands = models.GeneratedField(
        expression=Coalesce("edited_value", "value"),
        output_field=models.BigIntegerField(),
        db_persist=False,
    )
    received_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "channel", "taken_at"], name="reading_unique_per_instant"
            ),
            models.CheckConstraint(
                condition=models.Q(value__gte=0), name="reading_value_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} at {self.taken_at:%Y-%m-%d %H:%M}"

    @property
    def rule_names(self) -> list[str]:
        return Rule(self.rules).names


class ReadingConflict(Record):
    """A second, other value for an instant: kept and shown, while the first one stands."""

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="conflicts")
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    taken_at = models.DateTimeField()
    value = models.BigIntegerField()
    source = models.CharField(max_length=10, choices=Reading.Source)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "channel", "taken_at", "value"], name="conflict_kept_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} at {self.taken_at:%Y-%m-%d %H:%M}"


class IntervalQuerySet(MeteredQuerySet):
    estate_path = "meter__estate"
    moment = "start"

    def within(self, period: Period) -> Self:
        return self.filter(start__gte=period.start, start__lt=period.end)

    def total(self) -> int:
        """The sum of the quantities, in Wh or litres."""
        return self.aggregate(total=models.Sum("quantity"))["total"] or 0


class Interval(models.Model):
    """What was used in the 15 minutes from `start`, in Wh or litres."""

    class Quality(models.TextChoices):
        ACTUAL = "actual", "Actual"
        ESTIMATED = "estimated", "Estimated"

    class Method(models.IntegerChoices):
        """How an estimated interval got its share of a total that is known, or its value."""

        FLAT = 1, "Evenly"
        LIKE_DAYS = 2, "As on like days"
        USUAL = 3, "What like days used, the register being unknown"

    id = models.UUIDField(primary_key=True, editable=False)
    meter = models.ForeignKey(
        Meter,
        on_delete=models.PROTECT,
        related_name="intervals",
        db_index=False,
        db_constraint=False,
    )
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    start = models.DateTimeField()
    quantity = models.BigIntegerField()
    quality = models.CharField(max_length=10, choices=Quality)
    method = models.PositiveSmallIntegerField(choices=Method, null=True, editable=False)

    objects = IntervalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meter", "channel", "start"], name="interval_unique"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0), name="interval_quantity_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} from {self.start:%Y-%m-%d %H:%M}"


class DailyConsumptionQuerySet(MeteredQuerySet):
    estate_path = "meter__estate"
    moment = "day"
    is_day = True


class DailyConsumption(models.Model):
    """
    The sum of a local day's intervals of one register, in Wh or litres.

    `revision` grows by one with each change, so that whoever priced the day can tell by
    comparing sums whether anything came since. `checked_revision` is the one that the checks of
    finished days saw last.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="days", db_index=False)
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    day = models.DateField()
    quantity = models.BigIntegerField()
    estimated = models.BigIntegerField(default=0)
    intervals = models.PositiveSmallIntegerField()
    revision = models.IntegerField(default=1)
    checked_revision = models.IntegerField(db_default=0, editable=False)

    objects = DailyConsumptionQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "daily consumption"
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "channel", "day"], name="daily_consumption_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} on {self.day}"


class MonthRevisionQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"


class MonthRevision(models.Model):
    """
    How often the days of a month of one register changed: the sum of their revisions.

    Written by the statement that writes the days (`meters.days`). Who looks for what changed
    compares one number a month instead of adding up thirty.
    """

    pk = models.CompositePrimaryKey("meter", "channel", "month")
    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="+", db_index=False)
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    month = models.DateField(help_text="The first day of the local month.")
    revision = models.BigIntegerField()

    objects = MonthRevisionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.revision}"
