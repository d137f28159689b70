"""
Ciphered APDUs and the proof of a key (security suite 0: AES-GCM-128, 12-octet tags).

Green Book, 9.2.7: the nonce is the sender's system title and its invocation counter, what is
authenticated besides the text is the security control octet and the authentication key. A nonce
must never be used twice with a key, so that a counter only ever rises.
"""

import hmac
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as Machine
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from meters.dlms.errors import CountersUsedUp, FrameError, NotGenuine, Repetition
from meters.dlms.octets import OctetReader, length_field

AUTHENTICATED, SEALED = 0x10, 0x30
KEY_SIZE, TITLE_SIZE, TAG_SIZE, COUNTER_SIZE = 16, 8, 12, 4
LARGEST_COUNTER = 0xFFFF_FFFF
# Service-specific global ciphering: the tag of each APDU and that of its ciphered form.
CIPHERED = {
    0x01: 0x21, 0x08: 0x28, 0x0E: 0x2E,
    0xC0: 0xC8, 0xC1: 0xC9, 0xC2: 0xCA, 0xC3: 0xCB, 0xC4: 0xCC, 0xC5: 0xCD, 0xC7: 0xCF,
}  # fmt: skip
PLAIN = {ciphered: plain for plain, ciphered in CIPHERED.items()}


class Keys(NamedTuple):
    """The global unicast encryption key and the authentication key of one meter."""

    encryption: bytes
    authentication: bytes

    def __repr__(self) -> str:
        return "Keys(...)"

    def __str__(self) -> str:
        return "Keys(...)"


class Counters(Protocol):
    """Where invocation counters come from; none comes twice. ``next`` is the next to come."""

    next: int

    def take(self) -> int:
        """:raises CountersUsedUp: if there is none left."""


class CounterBlock:
    """Counters that are this conversation's alone, from ``first`` to before ``end``."""

    def __init__(self, first: int, end: int) -> None:
        self.next = first
        self._end = min(end, LARGEST_COUNTER + 1)

    def take(self) -> int:
        if self.next >= self._end:
            raise CountersUsedUp("the invocation counters of this visit are used up")
        self.next += 1
        return self.next - 1


@dataclass(slots=True)
class Watermark:
    """The highest counter that the other side used; what is not above it is a repetition."""

    value: int = -1


class Cipher:
    """
    What is sealed for one peer and opened from it.

    ``peer`` is the peer's system title, known once it introduced itself.
    """

    def __init__(
        self, title: bytes, keys: Keys, counters: Counters, heard: Watermark, peer: bytes = b""
    ) -> None:
        if len(title) != TITLE_SIZE or {len(key) for key in keys} != {KEY_SIZE}:
            raise ValueError("a system title of 8 octets and keys of 16 are needed")
        self.peer = peer
        self.heard = heard
        self._heard_before = heard.value
        self._title = title
        self._keys = keys
        self._counters = counters

    def seal(self, apdu: bytes) -> bytes:
        """
        An APDU encrypted and authenticated; one that is never ciphered stays as it is.

        :raises CountersUsedUp: if there is no counter left.
        """
        tag = CIPHERED.get(apdu[0])
        if tag is None:
            return apdu
        counter = self._counters.take().to_bytes(COUNTER_SIZE)
        machine = self._machine(self._title + counter).encryptor()
        machine.authenticate_additional_data(bytes((SEALED,)) + self._keys.authentication)
        text = machine.update(apdu) + machine.finalize()
        body = bytes((SEALED,)) + counter + text + machine.tag[:TAG_SIZE]
        return bytes((tag,)) + length_field(len(body)) + body

    def open(self, apdu: bytes) -> bytes:
        """
        The APDU inside a ciphered one.

        :raises Repetition: if its counter was passed in this conversation.
        :raises NotGenuine: if it was not made with our keys, or its counter was passed before.
        :raises FrameError: if it is not a ciphered APDU.
        """
        plain, counter, body = _parse(apdu)
        if counter <= self.heard.value:
            kind = Repetition if counter > self._heard_before else NotGenuine
            raise kind(f"invocation counter {counter} again, after {self.heard.value}")
        text, tag = body[:-TAG_SIZE], body[-TAG_SIZE:]
        machine = self._machine(self.peer + counter.to_bytes(COUNTER_SIZE), tag).decryptor()
        machine.authenticate_additional_data(bytes((SEALED,)) + self._keys.authentication)
        try:
            opened = machine.update(text) + machine.finalize()
        except InvalidTag:
            raise NotGenuine("a message that was not made with this meter's keys") from None
        if opened[:1] != bytes((plain,)):
            raise FrameError("a ciphered message of another kind than it says")
        self.heard.value = counter
        return opened

    def prove(self, challenge: bytes) -> bytes:
        """f(challenge) of HLS-GMAC (mechanism 5): what only who has the keys can say of it."""
        counter = self._counters.take().to_bytes(COUNTER_SIZE)
        return bytes((AUTHENTICATED,)) + counter + self._gmac(self._title + counter, challenge)

    def is_proof(self, challenge: bytes, proof: bytes) -> bool:
        """Whether the peer has the keys."""
        if len(proof) != 1 + COUNTER_SIZE + TAG_SIZE or proof[0] != AUTHENTICATED:
            return False
        expected = self._gmac(self.peer + proof[1 : 1 + COUNTER_SIZE], challenge)
        return hmac.compare_digest(expected, proof[1 + COUNTER_SIZE :])

    def _gmac(self, nonce: bytes, challenge: bytes) -> bytes:
        machine = self._machine(nonce).encryptor()
        head = bytes((AUTHENTICATED,)) + self._keys.authentication
        machine.authenticate_additional_data(head + challenge)
        machine.finalize()
        return machine.tag[:TAG_SIZE]

    def _machine(self, nonce: bytes, tag: bytes | None = None) -> Machine[modes.GCM]:
        if len(nonce) != TITLE_SIZE + COUNTER_SIZE:
            raise NotGenuine("the other side gave no system title")
        return Machine(
            algorithms.AES(self._keys.encryption), modes.GCM(nonce, tag, min_tag_length=TAG_SIZE)
        )


def _parse(apdu: bytes) -> tuple[int, int, bytes]:
    """The tag of the APDU inside, the counter, and text and tag."""
    reader = OctetReader(apdu)
    plain = PLAIN.get(reader.octet())
    if plain is None:
        raise FrameError("not a ciphered message")
    body = OctetReader(reader.take(reader.length()))
    reader.finish()
    if body.octet() != SEALED:
        raise NotGenuine("a message that is not encrypted and authenticated")
    counter = body.uint32()
    if body.remaining <= TAG_SIZE:
        raise FrameError("a ciphered message that is too short")
    return plain, counter, body.rest()
