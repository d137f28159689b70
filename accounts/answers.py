"""Answers that are kept, so that the same request twice is carried out once."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import KeptAnswer

KEPT = timedelta(days=45)


class AnotherRequest(Exception):
    """The key was used before, for another request."""


def find(*, key: str, digest: str) -> Any | None:
    """
    What was answered before under a key; nothing if it is new.

    :raises AnotherRequest: if the key stands for another request.
    """
    kept = KeptAnswer.objects.filter(key=key).first()
    if kept is None:
        return None
    if kept.digest != digest:
        raise AnotherRequest("This key was used for another request.")
    return kept.body


def claim(*, key: str, digest: str) -> KeptAnswer | None:
    """
    Take a key for the rest of the database transaction; nothing if somebody was quicker.

    A second request with the key waits here until the first is through.
    """
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(key=key, digest=digest)
    except IntegrityError:
        return None


def keep(claimed: KeptAnswer, body: Any) -> None:
    """Store the answer that goes with a key."""
    claimed.body = body
    claimed.save(update_fields=["body", "updated_at"])


def free(claimed: KeptAnswer) -> None:
    """Give a key back: the request that claimed it was refused."""
    claimed.delete()


def forget_old(*, now: datetime) -> int:
    """Delete answers nobody asks for any more; how many."""
    count, _ = KeptAnswer.objects.filter(created_at__lt=now - KEPT).delete()
    return count
