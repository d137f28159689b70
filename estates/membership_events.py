"""What is noted when people begin or cease to work for an estate, by whatever way."""

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts import security_events
from estates.models import Membership


@receiver(post_save, sender=Membership)
def _note_beginning(instance: Membership, **_: object) -> None:
    security_events.membership_changed(instance.user_id, instance.estate_id, "began")


@receiver(post_delete, sender=Membership)
def _note_end(instance: Membership, **_: object) -> None:
    security_events.membership_changed(instance.user_id, instance.estate_id, "ended")
