"""
Published examples of ciphering, and what must not get through.

The examples are those of the Green Book (DLMS UA 1000-2, 8th edition, 9.2.7: ciphered
get-request; authentication with mechanism 5), written down from memory of it and of open
implementations that test with them: a tag of 96 bits does not fit by chance.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.dlms.ciphering import Cipher, CounterBlock, Keys, Watermark
from meters.dlms.credentials import Credentials, Mechanism
from meters.dlms.errors import CountersUsedUp, DlmsError, FrameError, NotGenuine

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
CLIENT, SERVER = bytes.fromhex("4d4d4d0000bc614e"), bytes.fromhex("4d4d4d0000000001")
GET_CLOCK = bytes.fromhex("c0010000080000010000ff0200")
CIPHERED_GET_CLOCK = bytes.fromhex(
    "c81e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"
)


def cipher(title=CLIENT, first=1, end=1000, *, peer=SERVER, keys=KEYS, heard=-1):
    return Cipher(title, keys, CounterBlock(first, end), Watermark(heard), peer)


class TestPublishedExamples:
    def test_a_ciphered_request(self):
        assert cipher(first=0x01234567, end=0x01234568).seal(GET_CLOCK) == CIPHERED_GET_CLOCK

    def test_opens_it(self):
        assert cipher(SERVER, peer=CLIENT).open(CIPHERED_GET_CLOCK) == GET_CLOCK

    def test_the_client_proves_that_it_has_the_keys(self):
        proof = cipher(SERVER, first=1).prove(b"P6wRJ21F")

        assert proof.hex() == "10000000011a52fe7dd3e72748973c1e28"

    def test_and_the_server(self):
        proof = cipher(first=0x01234567, end=0x01234568).prove(b"K56iVagY")

        assert proof.hex() == "1001234567fe1466afb3dbcd4f9389e2b7"
        assert cipher(SERVER, peer=CLIENT).is_proof(b"K56iVagY", proof)
        assert not cipher(SERVER, peer=CLIENT).is_proof(b"K56iVagZ", proof)


class TestOpen:
    def test_refuses_a_counter_twice_or_an_older_one(self):
        sender, receiver = cipher(SERVER, peer=CLIENT), cipher()
        first, second = sender.seal(GET_CLOCK), sender.seal(GET_CLOCK)

        assert receiver.open(second) == GET_CLOCK
        for old in (second, first):
            with pytest.raises(NotGenuine, match="again"):
                receiver.open(old)

    def test_refuses_what_an_earlier_conversation_heard(self):
        with pytest.raises(NotGenuine, match="again"):
            cipher(SERVER, peer=CLIENT, heard=0x01234567).open(CIPHERED_GET_CLOCK)

    @pytest.mark.parametrize("position", range(2, len(CIPHERED_GET_CLOCK)))
    def test_refuses_every_changed_octet(self, position):
        changed = bytearray(CIPHERED_GET_CLOCK)
        changed[position] ^= 1

        with pytest.raises((NotGenuine, FrameError)):
            cipher(SERVER, peer=CLIENT).open(bytes(changed))

    def test_a_forgery_does_not_move_the_mark(self):
        receiver = cipher(SERVER, peer=CLIENT)
        forged = CIPHERED_GET_CLOCK[:3] + b"\xff" * 4 + CIPHERED_GET_CLOCK[7:]

        with pytest.raises(NotGenuine):
            receiver.open(forged)
        assert receiver.open(CIPHERED_GET_CLOCK) == GET_CLOCK

    def test_refuses_what_is_authenticated_but_not_encrypted(self):
        clear = bytes.fromhex("c81e1001234567") + GET_CLOCK + bytes(12)

        with pytest.raises(NotGenuine, match="not encrypted"):
            cipher(SERVER, peer=CLIENT).open(clear)

    @given(st.binary(max_size=80))
    def test_raises_its_own_errors_alone(self, noise):
        with pytest.raises(DlmsError):
            cipher().open(noise)

    @given(st.binary(max_size=300))
    def test_gives_back_what_was_sealed(self, body):
        apdu = b"\xc4" + body

        assert cipher().open(cipher(SERVER, peer=CLIENT).seal(apdu)) == apdu


def test_counters_end():
    block = CounterBlock(5, 7)

    assert [block.take(), block.take()] == [5, 6]
    with pytest.raises(CountersUsedUp):
        block.take()


def test_no_secret_is_shown():
    credentials = Credentials(Mechanism.HIGH_GMAC, b"geheim", CLIENT, KEYS)

    shown = f"{credentials!r} {KEYS!r} {KEYS} {credentials}"
    assert "geheim" not in shown
    assert KEYS.encryption.hex() not in shown
    assert str(KEYS.encryption) not in shown
