"""How a client proves to a meter who it is."""

import secrets
from dataclasses import dataclass, field
from enum import IntEnum

from meters.dlms.ciphering import Cipher, CounterBlock, Counters, Keys, Watermark
from meters.dlms.errors import CountersUsedUp

CHALLENGE_SIZE = 16


class Mechanism(IntEnum):
    """Authentication mechanisms: 2.16.756.5.8.2.x."""

    NONE = 0
    LOW = 1
    HIGH_GMAC = 5


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What to show a meter: nothing, a password (LLS), or keys (HLS-GMAC, suite 0).

    ``title`` is our system title. ``counters`` are used for nothing else. ``heard`` is the
    highest counter that the meter ever used; it rises while the conversation goes on.
    """

    mechanism: Mechanism = Mechanism.NONE
    password: bytes = field(default=b"", repr=False)
    title: bytes = b""
    keys: Keys | None = field(default=None, repr=False)
    counters: Counters = field(default_factory=lambda: CounterBlock(0, 0), repr=False)
    heard: Watermark = field(default_factory=Watermark)

    def cipher(self) -> Cipher | None:
        """:raises CountersUsedUp: if there are no keys to cipher with."""
        if self.mechanism is not Mechanism.HIGH_GMAC:
            return None
        if self.keys is None:
            raise CountersUsedUp("there are no keys for this meter")
        return Cipher(self.title, self.keys, self.counters, self.heard)


NOTHING = Credentials()


def new_challenge() -> bytes:
    return secrets.token_bytes(CHALLENGE_SIZE)
