"""Associations with passwords and keys, our client against our simulator."""

import pytest

from meters.dlms.apdu import parse_request
from meters.dlms.ciphering import CounterBlock, Keys, Watermark
from meters.dlms.credentials import NOTHING, Credentials, Mechanism
from meters.dlms.errors import (
    AssociationRefused,
    CountersUsedUp,
    CredentialsRefused,
    NotGenuine,
    ServiceRefused,
)
from meters.dlms.mailbox import Mailbox
from meters.dlms.simulator.access import PUBLIC_CLIENT, Access
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.wire import Wire
from meters.tests.dlms.running import line_to, run
from meters.tests.dlms.standin import NOON, QUARTER, StandIn, import_at

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
OTHER = Keys(bytes(16), bytes(16))
TITLE = b"QTYTEST1"
PROFILE = "1.0.99.1.0.255"


def guarded(**changes):
    return StandIn(101, access=Access(Mechanism.HIGH_GMAC, keys=KEYS, **changes))


def keyed(first=1, end=1000, keys=KEYS, heard=-1):
    counters = CounterBlock(first, end)
    return Credentials(
        Mechanism.HIGH_GMAC, title=TITLE, keys=keys, counters=counters, heard=Watermark(heard)
    )


def password(text):
    return Credentials(Mechanism.LOW, text)


def attempt(standin, credentials, *, work=None, **asked):
    """The clock as told, or what went wrong."""

    async def main():
        async with (
            line_to(standin) as (_, line),
            line.associate(logical_device=101, credentials=credentials, **asked) as meter,
        ):
            return await (work(meter) if work else meter.clock())

    return run(main())


class TestPassword:
    standin = StandIn(101, access=Access(Mechanism.LOW, password=b"12345678"))

    def test_opens(self):
        assert attempt(self.standin, password(b"12345678")) == NOON

    @pytest.mark.parametrize("wrong", [password(b"12345679"), password(b""), NOTHING])
    def test_a_wrong_one_is_told_from_other_refusals(self, wrong):
        with pytest.raises(CredentialsRefused):
            attempt(self.standin, wrong)


class TestKeys:
    def test_open(self):
        standin = guarded()

        assert attempt(standin, keyed()) == NOON
        assert standin.access.refusals == 0

    def test_everything_works_ciphered(self):
        standin = guarded()

        async def work(meter):
            rows = await meter.profile(PROFILE, start=NOON - 40 * QUARTER, end=NOON)
            await meter.disconnect()
            await meter.set_clock(NOON + QUARTER)
            return len(rows), rows[-1].values["1.0.1.8.0.255"], await meter.relay()

        count, newest, relay = attempt(standin, keyed(), work=work, max_pdu=256)

        assert (count, newest) == (40, import_at(101, NOON.replace(minute=0)))
        assert not relay.output
        assert standin.at == NOON + QUARTER

    @pytest.mark.parametrize(
        "wrong",
        [
            keyed(keys=OTHER),
            keyed(keys=Keys(KEYS.encryption, OTHER.authentication)),
            NOTHING,
            password(b"12345678"),
        ],
    )
    def test_wrong_ones_are_refused(self, wrong):
        with pytest.raises(AssociationRefused):
            attempt(guarded(), wrong)

    def test_old_counters_are_refused(self):
        standin = guarded()
        attempt(standin, keyed(first=500))

        with pytest.raises(CredentialsRefused):
            attempt(standin, keyed(first=1))
        assert attempt(standin, keyed(first=600)) == NOON

    def test_the_public_client_reads_the_counter_that_was_heard(self):
        standin = guarded()
        attempt(standin, keyed(first=500))

        async def work(meter):
            return await meter.frame_counter()

        heard = attempt(standin, NOTHING, work=work, client_address=PUBLIC_CLIENT)
        assert heard == standin.access.heard.value > 500

    def test_the_public_client_reads_nothing_else(self):
        async def work(meter):
            return await meter.register("1.0.1.8.0.255")

        with pytest.raises(Exception, match="OBJECT_UNDEFINED"):
            attempt(guarded(), NOTHING, work=work, client_address=PUBLIC_CLIENT)

    def test_counters_that_end_end_the_conversation(self):
        with pytest.raises(CountersUsedUp):
            attempt(guarded(), keyed(first=1, end=4))

    def test_what_the_meter_repeats_is_refused(self):
        standin = guarded()
        standin.access.counter.take()

        with pytest.raises(NotGenuine):
            attempt(standin, keyed(heard=5000))

    def test_what_the_line_repeats_is_passed_over(self, monkeypatch):
        """Each answer once more, after the next request was sent and before its answer comes."""
        last, real = {}, Mailbox.put

        def late(self, apdu):
            if earlier := last.get(self):
                real(self, earlier)
            last[self] = apdu
            real(self, apdu)

        async def work(meter):
            return [await meter.register("1.0.1.8.0.255") for _ in range(3)]

        expected = attempt(guarded(), keyed(), work=work)
        monkeypatch.setattr(Mailbox, "put", late)

        assert attempt(guarded(), keyed(), work=work) == expected

    def test_no_request_travels_in_clear_text(self, monkeypatch):
        sent, real = [], Wire.ask

        async def watch(self, apdu, *args, **options):
            send = self._line.send

            def noted(route, octets):
                sent.append(octets[0])
                send(route, octets)

            monkeypatch.setattr(self._line, "send", noted)
            try:
                return await real(self, apdu, *args, **options)
            finally:
                monkeypatch.setattr(self._line, "send", send)

        monkeypatch.setattr(Wire, "ask", watch)
        attempt(guarded(), keyed())

        # AARQ, the proof, GET, and the goodbye.
        assert sent == [0x60, 0xCB, 0xC8, 0x62]

    def test_a_plain_request_within_a_ciphered_association_is_refused(self):
        async def work(meter):
            meter._session._wire.cipher = None
            return await meter.clock()

        with pytest.raises(ServiceRefused):
            attempt(guarded(), keyed(), work=work)

    def test_a_plain_answer_within_a_ciphered_association_is_refused(self, monkeypatch):
        def in_clear(self, apdu, *, refuse=False):
            return self._reply(parse_request(self._admission.cipher.open(apdu)), refuse=refuse)

        async def work(meter):
            monkeypatch.setattr(Conversation, "answer", in_clear)
            return await meter.clock()

        with pytest.raises(NotGenuine, match="in clear text"):
            attempt(guarded(), keyed(), work=work)
