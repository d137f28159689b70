"""
The second factor: codes of an authenticator app (TOTP, RFC 6238), and ten codes for a lost phone.

Every try holds the row of the person's factor: a code is taken once, and wrong ones are counted
there, whatever session or address they come from.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hmac import compare_digest

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts import security_events
from accounts.models import RecoveryCode, SecondFactor, User

STEP_SECONDS = 30
CODE_DIGITS = 6
DRIFT_STEPS = 1
"""So many steps a phone's clock may be off, either way."""
RECOVERY_CODES = 10
ISSUER = "Quantify"


class WrongCode(Exception):
    """The code is not the one of now, or was used before."""


class TooManyWrongCodes(Exception):
    """No code is looked at for a while."""


class HasOne(Exception):
    """The person has a second factor; it is taken away first."""


def new_secret() -> str:
    """160 random bits as an authenticator app takes them."""
    return pyotp.random_base32()


def address_of(secret: str, user: User) -> str:
    """What the app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)


@transaction.atomic
def enrol(*, user: User, secret: str, code: str, at: datetime) -> Sequence[str]:
    """
    Ask a person for codes of a secret from now on; answers their recovery codes, this once.

    :raises WrongCode: if the app does not show the code of the secret.
    :raises HasOne: if the person has a second factor.
    """
    held = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    if held.second_factor_at is not None:
        raise HasOne("Take the present app away first.")
    step = _step_of(secret, code, at, after=0)
    if step is None:
        raise WrongCode("This is not the code that the app shows now.")
    factor = SecondFactor.objects.create(user=held, secret=seal(secret, held), last_step=step)
    held.second_factor_at = user.second_factor_at = at
    held.save(update_fields=["second_factor_at", "updated_at"])
    security_events.second_factor_changed(held, "set_up")
    return _new_codes(factor)


@transaction.atomic
def renew_recovery_codes(*, user: User) -> Sequence[str]:
    """Ten new recovery codes; the old ones are worth nothing any more."""
    factor = SecondFactor.objects.select_for_update().get(user=user)
    factor.codes.all().delete()
    security_events.second_factor_changed(user, "renewed")
    return _new_codes(factor)


@transaction.atomic
def remove(*, user: User) -> None:
    """Ask a person for no code any more; every session ends."""
    held = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    SecondFactor.objects.filter(user=held).delete()
    held.second_factor_at = None
    held.session_epoch += 1
    held.save(update_fields=["second_factor_at", "session_epoch", "updated_at"])
    security_events.second_factor_changed(held, "removed")


def check(*, user: User, code: str, at: datetime) -> None:
    """
    Take a code of the app, or a recovery code, once.

    :raises TooManyWrongCodes: after as many wrong ones as lock a name out.
    :raises WrongCode: if it is wrong, or was taken before.
    """
    # The count of what was wrong must outlive the refusal.
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().get(user=user)
        if factor.locked_until is not None and factor.locked_until > at:
            raise TooManyWrongCodes("Too many wrong codes: wait a while.")
        taken = _take(factor, user, code, at)
    if not taken:
        security_events.second_factor_changed(user, "refused")
        raise WrongCode("The code is wrong, or was used before.")


def seal(secret: str, user: User) -> str:
    """A secret as it is stored: encrypted, for this person alone."""
    return _box().encrypt(f"{user.pk}:{secret}".encode()).decode()


def unseal(sealed: str, user: User) -> str:
    """
    The secret again.

    :raises ValueError: if it is another's, or `SECRET_KEY` changed without a fallback.
    """
    try:
        owner, _, secret = _box().decrypt(sealed.encode()).decode().partition(":")
    except InvalidToken as error:
        raise ValueError("The secret cannot be read with this SECRET_KEY.") from error
    if owner != str(user.pk):
        raise ValueError("The secret is of another person.")
    return secret


def _take(factor: SecondFactor, user: User, code: str, at: datetime) -> bool:
    """Whether the code is right; it is used up then, and counted otherwise."""
    given = code.replace(" ", "").replace("-", "").lower()
    if len(given) == CODE_DIGITS:
        step = _step_of(unseal(factor.secret, user), given, at, after=factor.last_step)
        taken = step is not None
        factor.last_step = step or factor.last_step
    else:
        unused = factor.codes.filter(digest__in=_digests(given), used_at=None)
        taken = unused.update(used_at=at) == 1
    factor.failures = 0 if taken else factor.failures + 1
    factor.locked_until = None
    if factor.failures >= settings.AXES_FAILURE_LIMIT:
        factor.failures = 0
        factor.locked_until = at + timedelta(hours=settings.AXES_COOLOFF_TIME)
        security_events.second_factor_changed(user, "locked")
    factor.save(update_fields=["last_step", "failures", "locked_until", "updated_at"])
    return taken


def _step_of(secret: str, code: str, at: datetime, *, after: int) -> int | None:
    """The step whose code this is, among those that were not used yet."""
    now = int(at.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if step > after and compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _new_codes(factor: SecondFactor) -> Sequence[str]:
    codes = [_spelled(secrets.token_bytes(10)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, digest=_digests(code.replace("-", ""))[0]) for code in codes
    )
    return codes


def _spelled(raw: bytes) -> str:
    """80 bits as four groups of four letters and digits."""
    text = base64.b32encode(raw).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def _digests(code: str) -> list[str]:
    """The keyed digest of a code, by the present secret and by those before it."""
    return [
        salted_hmac("accounts.second_factor", code, secret=secret, algorithm="sha256").hexdigest()
        for secret in _server_secrets()
    ]


def _server_secrets() -> list[str]:
    return [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in _server_secrets()])


def _derived(key: str) -> bytes:
    return base64.urlsafe_b64encode(
        hashlib.sha256(f"accounts.second_factor\n{key}".encode()).digest()
    )
