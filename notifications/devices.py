"""Devices that push messages go to: whoever holds one now has it, and nobody else."""

from django.db import connection, transaction

from accounts.models import User
from notifications.models import Delivery, Device


@transaction.atomic
def register(*, user: User, platform: str, token: str, name: str = "") -> Device:
    """
    Let messages to a person go to a device; those to whoever had it before no longer do.

    Only the app on the device knows its token, so that who registers it holds the device.

    :raises ValidationError: if the person registered it before, or a field is refused.
    """
    with connection.cursor() as cursor:
        # There may be no row to lock, and two who register at once must both be taken in turn.
        statement = "SELECT pg_advisory_xact_lock(hashtextextended('push to ' || %s, 0))"
        cursor.execute(statement, [f"{platform}:{token}"])
    Device.objects.filter(platform=platform, token=token).exclude(user=user).delete()
    device = Device(user=user, platform=platform, token=token, name=name)
    device.full_clean()
    device.save(force_insert=True)
    return device


def has_device(delivery: Delivery) -> bool:
    """Whether a push message would reach its recipient, and not who took the device over."""
    platform, _, token = delivery.address.partition(":")
    return Device.objects.filter(user=delivery.user_id, platform=platform, token=token).exists()
