"""How long raw uplinks are kept: long enough to read them again after a fault in a decoder."""

from datetime import datetime, timedelta

from django.conf import settings

from meters.models.radio import Uplink

AT_ONCE = 5_000


def purge(*, now: datetime) -> int:
    """Delete the raw uplinks that are older than `UPLINK_RETENTION_DAYS`; readings stay."""
    before = now - timedelta(days=settings.UPLINK_RETENTION_DAYS)
    total = 0
    while True:
        old = Uplink.objects.filter(heard_at__lt=before).values("pk")[:AT_ONCE]
        deleted, _ = Uplink.objects.filter(pk__in=old).delete()
        total += deleted
        if deleted < AT_ONCE:
            return total
