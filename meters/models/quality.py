"""What the checks found, what people did about it, and the limits an estate has set."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from meters.models.devices import Meter, Register
from meters.vee.rules import BY_CODE, PARAMETERS, queue
from quantify.quantities import Utility
from quantify.records import Record


def rules() -> list[tuple[str, str]]:
    """The checks whose finds wait for a person."""
    return [(check.code, check.name) for check in queue()]


def limits() -> list[tuple[str, str]]:
    """The limits that an estate may set, in words."""
    return [
        (key, f"{BY_CODE[key.partition('.')[0]].name}: {one.name}, {one.unit}")
        for key, one in PARAMETERS.items()
    ]


class CheckLimit(Record):
    """A limit of a check as an estate has it, in place of the default of the table of checks."""

    estate = models.ForeignKey(Estate, on_delete=models.PROTECT, related_name="check_limits")
    parameter = models.CharField(max_length=60, choices=limits)
    value = models.DecimalField(max_digits=10, decimal_places=3)

    objects = EstateScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["estate", "parameter"],
                name="check_limit_set_once",
                violation_error_code="duplicate",
                violation_error_message="The estate has set this limit.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_parameter_display()}: {self.value.normalize():f}"


class FindingQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"

    def waiting(self, now: datetime) -> Self:
        """Those that a person should see to now."""
        return self.filter(Q(state=Finding.State.OPEN) | _woken(now))

    def in_state(self, state: str, now: datetime) -> Self:
        """In a state as it is told: what was snoozed until a time that has come is open."""
        if state == Finding.State.OPEN:
            return self.waiting(now)
        found = self.filter(state=state)
        return found.exclude(_woken(now)) if state == Finding.State.SNOOZED else found


def _woken(now: datetime) -> Q:
    return Q(state="snoozed", snoozed_until__lte=now)


class Finding(Record):
    """
    Something that a check found about a stretch of a register, for a person to decide on.

    Kept once: found again, it is the same; what ended by itself is closed by itself.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SNOOZED = "snoozed", "Snoozed"
        CLOSED = "closed", "Closed"

    class Resolution(models.TextChoices):
        NONE = "", "None yet"
        ACCEPTED = "accepted", "Accepted"
        EDITED = "edited", "Edited"
        REJECTED = "rejected", "Rejected"
        ESTIMATED = "estimated", "Estimated"
        ENDED = "ended", "Ended by itself"

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="findings")
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    rule = models.CharField("check", max_length=30, choices=rules)
    starts_at = models.DateTimeField("from")
    ends_at = models.DateTimeField("to")
    says = models.CharField(max_length=250)
    quantity = models.BigIntegerField(null=True, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    amount_basis = models.CharField(
        "worked out", max_length=250, blank=True, default="", db_default="",
        help_text="How the rand were worked out.",
    )  # fmt: skip
    stops_cuts = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    resolution = models.CharField(
        max_length=10, choices=Resolution, default=Resolution.NONE, blank=True
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )
    handled_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=250, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        permissions = [("decide_finding", "Can decide on what the checks found, and edit readings")]
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "channel", "rule", "starts_at"], name="finding_kept_once"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("starts_at")), name="finding_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(state="closed") ^ Q(resolution=""),
                name="finding_closed_with_resolution",
            ),
            models.CheckConstraint(
                condition=Q(state="snoozed", snoozed_until__isnull=False)
                | (~Q(state="snoozed") & Q(snoozed_until=None)),
                name="finding_snoozed_until_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["rule", "meter"], name="finding_waiting", condition=~Q(state="closed")
            ),
            models.Index(fields=["-starts_at"], name="finding_newest"),
        ]

    def __str__(self) -> str:
        return self.says

    @property
    def advice(self) -> str:
        """What to do about it, in a manager's words."""
        return BY_CODE[self.rule].advice

    @property
    def unit(self) -> str:
        """The unit of its quantity: kWh or kl."""
        is_volume = self.channel == Register.Channel.VOLUME
        return Utility.WATER.unit if is_volume else Utility.ELECTRICITY.unit


class ReadingEditQuerySet(EstateScopedQuerySet):
    estate_path = "meter__estate"


class ReadingEdit(Record):
    """
    What a person said of a reading: a fact beside the raw one, which stays as it was read.

    `value` is the register that stands since, or null for the one that was read; `rules` are the
    reading's own bits since, `before_value` and `before_rules` those before it.
    """

    class Action(models.TextChoices):
        EDIT = "edit", "Edited"
        ACCEPT = "accept", "Accepted"
        REJECT = "reject", "Rejected"
        UNDO = "undo", "Undone"

    meter = models.ForeignKey(Meter, on_delete=models.PROTECT, related_name="edits")
    channel = models.PositiveSmallIntegerField(choices=Register.Channel)
    taken_at = models.DateTimeField()
    action = models.CharField(max_length=10, choices=Action)
    value = models.BigIntegerField(null=True)
    rules = models.PositiveIntegerField()
    before_value = models.BigIntegerField(null=True)
    before_rules = models.PositiveIntegerField()
    reason = models.CharField(max_length=250)
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, null=True, related_name="edits")
    undoes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="undone_by"
    )
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    edited_at = models.DateTimeField()

    objects = ReadingEditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["meter", "channel", "taken_at"], name="reading_edits"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.reason}"
