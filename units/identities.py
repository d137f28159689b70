"""
Identity documents of residents: kept sealed, shown by their ending, looked at with a reason.

The number in clear is in no column, list, file or trail. Who may see it looks at one at a time,
and the audit trail tells that they did.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from accounts import audit
from accounts.models import User
from quantify import sealing
from units import identity_numbers as numbers
from units.models import Resident

NUMBER = "number"


class NoIdentity(Exception):
    """No identity document of the resident is kept."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A document with its number in clear, which is no part of what it prints as."""

    kind: Resident.Identity
    country: str
    number: str = field(repr=False)


def read(*, kind: str, country: str, number: str, today: date) -> Identity:
    """
    An identity document from what somebody typed.

    :raises ValidationError: by field, if it cannot be one; it never repeats the number.
    """
    is_own = kind == Resident.Identity.SA_ID
    country = (country or (numbers.SOUTH_AFRICA if is_own else "")).upper()
    if is_own and country != numbers.SOUTH_AFRICA:
        raise _wrong("country", "invalid", "A South African identity number is of ZA.")
    if country not in numbers.countries():
        raise _wrong("country", "invalid", "Give the country by its two letters, such as ZW.")
    plain = numbers.plain(number)
    try:
        if is_own:
            numbers.check_south_african(plain, today=today)
        else:
            numbers.check_passport(plain)
    except numbers.BadNumber as error:
        raise _wrong(NUMBER, error.code, str(error)) from error
    return Identity(Resident.Identity(kind), country, plain)


def columns(owner: UUID, identity: Identity | None, *, at: datetime) -> dict[str, Any]:
    """
    What a resident's row holds of a document; nothing of none.

    :raises quantify.sealing.NoSecret: if the number cannot be encrypted.
    """
    kept: dict[str, Any]
    if identity is None:
        empty = dict.fromkeys(("kind", "country", "ending", "sealed"), "")
        kept = {**empty, "length": 0, "given_at": None}
    else:
        kept = {
            "kind": identity.kind,
            "country": identity.country,
            "ending": numbers.ending(identity.number),
            "length": len(identity.number),
            "sealed": sealing.seal(owner, {NUMBER: identity.number}),
            "given_at": at,
        }
    return {f"identity_{name}": value for name, value in kept.items()}


def reveal(*, resident: Resident, by: User, reason: str) -> Identity:
    """
    The document with its number; that somebody looked is in the audit trail first.

    :raises NoIdentity: if none is kept.
    :raises quantify.sealing.NoSecret: if it cannot be decrypted.
    """
    if not resident.identity_sealed:
        raise NoIdentity("No identity document of this resident is kept.")
    number = sealing.open_sealed(resident.pk, resident.identity_sealed)[NUMBER]
    audit.looked(by=by, at=resident, estate=resident.estate_id, reason=reason)
    return Identity(Resident.Identity(resident.identity_kind), resident.identity_country, number)


def _wrong(name: str, code: str, words: str) -> ValidationError:
    return ValidationError({name: ValidationError(words, code=code)})
