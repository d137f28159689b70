"""Orders on their way through a device's queue at the network server."""

from django.db import models
from django.db.models import F, Q

from accounts.scoping import EstateScopedQuerySet
from meters.models.control import Command
from meters.models.radio import LoraDevice
from quantify.records import Record

LONGEST_ID = 36


class DownlinkQuerySet(EstateScopedQuerySet):
    estate_path = "device__server__estate"


class Downlink(Record):
    """
    One attempt to order a device's relay: what was put into its queue, and when it came out.

    Written before the network server is asked, so that a crash leaves a trace. `queue_item` is
    empty until its answer is known. `heard_before` is when the device was last heard until then;
    what it says of its relay later may be an answer. `gone_after` is the same when the item was
    found to have left the queue without an event that told so. All three are the network's time:
    our clock and its clock are never compared. `taken_out_at`: it never left for the device.
    """

    command = models.ForeignKey(Command, on_delete=models.PROTECT, related_name="downlinks")
    device = models.ForeignKey(LoraDevice, on_delete=models.PROTECT, related_name="downlinks")
    port = models.PositiveSmallIntegerField()
    payload = models.BinaryField()
    expires_at = models.DateTimeField()
    queue_item = models.CharField(max_length=LONGEST_ID, blank=True)
    heard_before = models.DateTimeField(null=True, blank=True)
    gone_after = models.DateTimeField(null=True, blank=True)
    taken_out_at = models.DateTimeField(null=True, blank=True)

    objects = DownlinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "queue_item"],
                condition=~Q(queue_item=""),
                name="downlink_once_per_queue_item",
            ),
        ]
        indexes = [models.Index(F("command"), F("id").desc(), name="downlinks_of_a_command")]

    def __str__(self) -> str:
        return self.queue_item or f"Written at {self.created_at:%Y-%m-%d %H:%M:%S} UTC"


class DownlinkEventQuerySet(EstateScopedQuerySet):
    estate_path = "device__server__estate"


class DownlinkEvent(Record):
    """
    What the network server told of an item of a queue; it may come before we know the item.

    `at` is the network's time.
    """

    class Kind(models.TextChoices):
        ON_AIR = "on_air", "Sent by a gateway"
        ACKNOWLEDGED = "acknowledged", "Acknowledged by the device"
        NOT_ACKNOWLEDGED = "not_acknowledged", "Not acknowledged by the device"

    device = models.ForeignKey(LoraDevice, on_delete=models.PROTECT, related_name="queue_events")
    queue_item = models.CharField(max_length=LONGEST_ID)
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField()

    objects = DownlinkEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "queue_item", "kind"], name="queue_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} at {self.at:%Y-%m-%d %H:%M:%S} UTC"
