"""How a meter lets this system in."""

from django.db import models
from django.db.models import Q

from accounts.scoping import EstateScopedQuerySet
from meters.models.devices import Meter
from quantify.records import Record
from quantify.sealing import SealedField

LARGEST_COUNTER = 2**32 - 1


class MeterKeysQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"


class MeterKeys(Record):
    """
    The password or keys of one meter, encrypted, and what was used of them.

    Written by `meters.keys` alone. Invocation counters below `next_counter` are spent, used or
    not. After a few refusals the meter is held: it is not asked with these keys any more.
    """

    class Level(models.TextChoices):
        LOW = "low", "Password (LLS)"
        HIGH_GMAC = "high_gmac", "Keys (HLS-GMAC, suite 0)"

    meter = models.OneToOneField(Meter, on_delete=models.PROTECT, related_name="keys")
    level = models.CharField(max_length=10, choices=Level)
    sealed = SealedField()
    next_counter = models.BigIntegerField(default=1, editable=False)
    heard_counter = models.BigIntegerField(default=-1, editable=False)
    refusals = models.PositiveSmallIntegerField(default=0, editable=False)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = MeterKeysQuerySet.as_manager()

    class Meta:
        verbose_name = "meter keys"
        verbose_name_plural = "meter keys"
        constraints = [
            models.CheckConstraint(
                condition=Q(next_counter__gte=0, next_counter__lte=LARGEST_COUNTER + 1),
                name="invocation_counter_range",
            ),
        ]

    def __str__(self) -> str:
        return self.get_level_display()
