"""What residents consented to: given, and withdrawn; never changed (POPIA, sections 11 and 69)."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from units.models import Consent, Resident


class AlreadyWithdrawn(Exception):
    """The consent was withdrawn before."""


@transaction.atomic
def give(
    *,
    resident: Resident,
    purpose: Consent.Purpose,
    channel: Consent.Channel,
    wording: str,
    given_at: datetime,
    now: datetime,
) -> Consent:
    """
    Keep that a resident consents to a purpose.

    :raises ValidationError: if they do already, or it would be in the future.
    """
    if given_at > now:
        raise _too_late("given_at")
    consent = Consent(
        resident=resident, purpose=purpose, channel=channel, wording=wording, given_at=given_at
    )
    consent.full_clean()
    consent.save(force_insert=True)
    return consent


@transaction.atomic
def withdraw(*, consent: Consent, withdrawn_at: datetime, now: datetime) -> Consent:
    """
    Keep that a resident consents no longer.

    :raises AlreadyWithdrawn: if it was withdrawn before.
    :raises ValidationError: if it would be before it was given, or in the future.
    """
    held = Consent.objects.select_for_update(of=("self",)).get(pk=consent.pk)
    if held.withdrawn_at is not None:
        raise AlreadyWithdrawn("This consent was withdrawn before.")
    if withdrawn_at > now:
        raise _too_late("withdrawn_at")
    held.withdrawn_at = withdrawn_at
    held.full_clean()
    held.save(update_fields=["withdrawn_at", "updated_at"])
    return held


def _too_late(name: str) -> ValidationError:
    return ValidationError({name: ValidationError("This is in the future.", code="future")})
