"""
The ways out, behind one interface: `send(parcel)` hands over and answers the provider's id.

Which adapter serves a channel is a setting (`NOTIFICATION_CHANNELS`).
"""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from notifications.channels.parcels import (
    Channel,
    NotConfigured,
    Parcel,
    Refused,
    Unavailable,
)

__all__ = ["Channel", "NotConfigured", "Parcel", "Refused", "Unavailable", "adapter"]


def adapter(channel: str) -> Channel:
    """The adapter that serves a channel."""
    return _made(settings.NOTIFICATION_CHANNELS[channel])


@cache
def _made(path: str) -> Channel:
    made: Channel = import_string(path)()
    return made
