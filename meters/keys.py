"""
The keys of meters: given, used, held back when a meter refuses them.

An invocation counter must never be used twice with a key, whatever happens to this process: a
block of counters is taken out of the database, and committed, before the first of them is used.
What is left of a block when a process ends is never used. A block each round lasts for a century.
A block is taken when the conversation begins, so that who speaks later has the higher counters.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from meters import alerts
from meters.dlms.ciphering import KEY_SIZE, CounterBlock, Keys, Watermark
from meters.dlms.credentials import NOTHING, Credentials, Mechanism
from meters.models.devices import Meter
from meters.models.security import LARGEST_COUNTER, MeterKeys
from quantify import sealing
from quantify.crash_points import Point, reach

BLOCK = 1000
MOST_REFUSALS = 3
FARTHEST_JUMP = 2**24
LONGEST_PASSWORD = 64
HELD = (
    "The meter refused the password or keys that are stored for it. It is not asked any more, "
    "so that it does not lock us out: give it the right ones."
)


class BadKeys(ValueError):
    """A password or key that cannot be one; the text says why, and never repeats it."""


class Secrets(NamedTuple):
    """What a meter is opened with: a password, or two keys of 32 hexadecimal digits."""

    password: str = ""
    encryption_key: str = ""
    authentication_key: str = ""

    def __repr__(self) -> str:
        return "Secrets(...)"

    @property
    def level(self) -> MeterKeys.Level:
        """:raises BadKeys: if they are neither."""
        if self.password and not (self.encryption_key or self.authentication_key):
            if len(self.password) > LONGEST_PASSWORD or not self.password.isascii():
                raise BadKeys(f"A password has at most {LONGEST_PASSWORD} plain letters.")
            return MeterKeys.Level.LOW
        if self.password:
            raise BadKeys("Give either a password or two keys.")
        for name in ("encryption", "authentication"):
            if not _is_key(getattr(self, f"{name}_key")):
                raise BadKeys(f"Give the {name} key as 32 hexadecimal digits.")
        return MeterKeys.Level.HIGH_GMAC


def _is_key(text: str) -> bool:
    return len(text) == 2 * KEY_SIZE and all(digit in "0123456789abcdefABCDEF" for digit in text)


class Withheld(Exception):
    """Nothing can be shown to the meter; the text says why."""


class Shown(NamedTuple):
    """
    What a meter made of the credentials that it was shown.

    ``counter`` is the highest of our counters that it heard, if it refused and told.
    """

    meter_id: UUID
    credentials: Credentials
    is_refused: bool
    counter: int | None = None


@transaction.atomic
def give(*, meter: Meter, given: Secrets) -> MeterKeys:
    """
    Store what a meter is opened with from now on; it is asked again if it was held.

    The counter goes on where it was: the same key may come back.

    :raises BadKeys: if it is neither a password nor two keys.
    :raises quantify.sealing.NoSecret: if it cannot be encrypted.
    """
    sealed = sealing.seal(meter.pk, given._asdict())
    keys, _ = MeterKeys.objects.update_or_create(
        meter=meter,
        defaults={
            "level": given.level,
            "sealed": sealed,
            "refusals": 0,
            "held_at": None,
            "heard_counter": -1,
        },
    )
    Meter.objects.filter(pk=meter.pk).update(visits_failed=0, visit_after=None)
    return keys


def issue(meter_id: UUID) -> Credentials:
    """
    What to show a meter, with counters that are nobody else's; nothing where there are no keys.

    Must not be called inside a database transaction: the counters are spent when it returns.

    :raises Withheld: if the meter is held, no counters are left, or its keys do not open.
    """
    with transaction.atomic(durable=True):
        stored = MeterKeys.objects.select_for_update(no_key=True).filter(meter=meter_id)
        keys = stored.first()
        if keys is None:
            return NOTHING
        if keys.held_at is not None:
            raise Withheld(HELD)
        end = _reserve(keys) if keys.level == MeterKeys.Level.HIGH_GMAC else 0
    reach(Point.COUNTERS_RESERVED)
    try:
        return _opened(meter_id, keys.level, keys.sealed, end, keys.heard_counter)
    except sealing.NoSecret as error:
        raise Withheld(str(error)) from error


def _reserve(keys: MeterKeys) -> int:
    """Take a block of counters; where it ends."""
    end = keys.next_counter + BLOCK
    if end > LARGEST_COUNTER + 1:
        raise Withheld("No invocation counters are left: give the meter new keys.")
    MeterKeys.objects.filter(pk=keys.pk).update(next_counter=end)
    return end


def _opened(meter_id: UUID, level: str, sealed: str, end: int, heard: int) -> Credentials:
    """:raises quantify.sealing.NoSecret: if it cannot be decrypted."""
    told = Secrets(**sealing.open_sealed(meter_id, sealed))
    if level == MeterKeys.Level.LOW:
        return Credentials(Mechanism.LOW, told.password.encode())
    return Credentials(
        Mechanism.HIGH_GMAC,
        title=bytes.fromhex(settings.DLMS_SYSTEM_TITLE),
        keys=Keys(bytes.fromhex(told.encryption_key), bytes.fromhex(told.authentication_key)),
        counters=CounterBlock(end - BLOCK, end),
        heard=Watermark(heard),
    )


def note(shown: Iterable[Shown], *, now: datetime) -> None:
    """What meters made of their credentials, whoever showed them; no credentials, no news."""
    told = [one for one in shown if one.credentials is not NOTHING]
    _note_accepted(
        {one.meter_id: one.credentials.heard.value for one in told if not one.is_refused}
    )
    for one in told:
        if one.is_refused:
            used = one.credentials.counters.next - 1
            _note_refused(one.meter_id, used=used, counter=one.counter, now=now)


def _note_accepted(heard: Mapping[UUID, int]) -> None:
    """Meters that let us in, and the highest counter that each used itself."""
    if not heard:
        return
    with connection.cursor() as cursor:
        rows = sorted(heard.items())
        cursor.execute(_ACCEPTED, [[meter for meter, _ in rows], [value for _, value in rows]])


_ACCEPTED = """
UPDATE meters_meterkeys k SET refusals = 0,
    heard_counter = greatest(k.heard_counter, told.heard)
FROM unnest(%s::uuid[], %s::bigint[]) AS told (meter_id, heard) WHERE k.meter_id = told.meter_id
"""


@transaction.atomic
def _note_refused(meter_id: UUID, *, used: int, counter: int | None, now: datetime) -> None:
    """
    A meter that did not let us in; the third time in a row it is held, and somebody is told.

    ``used`` is our counter that it refused, ``counter`` the highest that it heard, if it told.
    When that is the higher one it was for the counter's sake: after a restored backup, or a
    command meanwhile. Ours goes on from there, unless it is so far that somebody must be playing
    with us: nobody vouches for what the public client is told.
    """
    keys = MeterKeys.objects.select_for_update().filter(meter=meter_id).first()
    if keys is None:
        return
    if counter is not None and used <= counter <= keys.next_counter + FARTHEST_JUMP:
        raised = Greatest(F("next_counter"), min(counter + 1, LARGEST_COUNTER + 1))
        MeterKeys.objects.filter(pk=keys.pk).update(next_counter=raised)
        return
    keys.refusals += 1
    if keys.refusals >= MOST_REFUSALS and keys.held_at is None:
        keys.held_at = now
        alerts.raise_once(
            meter_id=meter_id,
            kind=alerts.Kind.METER_FAULT,
            severity=alerts.Severity.ERROR,
            message=HELD,
            now=now,
        )
    keys.save(update_fields=["refusals", "held_at", "updated_at"])
