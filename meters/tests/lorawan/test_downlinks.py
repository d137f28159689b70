"""The queue of downlinks at ChirpStack, against a server that speaks the same."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.lorawan import downlinks, protobuf, uc300
from meters.lorawan.downlinks import Network, NoAnswer, NotReached, Refused
from meters.lorawan.protobuf import Malformed
from meters.lorawan.simulator.chirpstack import KEY, Chirpstack, fields, running

EUI = "24e124136f215917"
UNTIL = datetime(2026, 7, 1, 10, tzinfo=UTC)
NUMBERS = st.integers(0, 2**64 - 1)
CONTENTS = st.binary(min_size=1, max_size=300)


@pytest.fixture
def server() -> Iterator[Chirpstack]:
    with running() as made:
        yield made


@pytest.fixture
def network(server) -> Network:
    return Network(server.address, KEY)


def order(network, *, close=True):
    return network.enqueue(
        EUI, port=uc300.PORT, data=uc300.switch(close=close), confirmed=True, expires_at=UNTIL
    )


class TestProtobuf:
    @given(st.dictionaries(st.integers(1, 500), st.one_of(NUMBERS.filter(bool), CONTENTS)))
    def test_is_read_as_written(self, message):
        read = protobuf.decode(protobuf.encode(message))

        assert read == {number: [value] for number, value in message.items()}

    @given(st.binary(max_size=200))
    def test_reads_anything_or_says_that_it_is_malformed(self, octets):
        with suppress(Malformed):
            protobuf.decode(octets)

    def test_writes_what_the_documentation_shows(self):
        # protobuf.dev, Encoding: a = 150, b = "testing".
        assert protobuf.encode({1: 150}) == bytes.fromhex("08 96 01")
        assert protobuf.encode({2: "testing"}) == bytes.fromhex("12 07 74 65 73 74 69 6e 67")

    def test_passes_over_fields_of_fixed_length(self):
        told = protobuf.decode(bytes.fromhex("09 0102030405060708 15 01020304 18 01"))
        assert told[3] == [1]


class TestMessages:
    """Against the octets that the published Python library chirpstack-api 4.20.0 writes."""

    def test_an_order_is_written_as_the_library_writes_it(self, server, network, monkeypatch):
        seen = []
        monkeypatch.setattr(server, "answer", lambda _, message: seen.append(message) or b"")

        order(network)

        assert seen == [
            bytes.fromhex(
                "0a23121032346531323431333666323135393137180120552a030701ff520608a0ca93d206"
            )
        ]

    def test_a_queue_is_read_as_the_library_writes_it(self, server, network, monkeypatch):
        written = bytes.fromhex(
            "080112430a2431313131313131312d313131312d343131312d383131312d31313131313131313131"
            "3131121032346531323431333666323135393137"
            "20552a030700ff38014007"
        )
        monkeypatch.setattr(server, "answer", lambda *_: written)

        (item,) = network.queue(EUI)

        assert (item.id, item.data.hex()) == ("11111111-1111-4111-8111-111111111111", "0700ff")
        assert item.is_pending


class TestQueue:
    def test_takes_an_order_with_its_end(self, server, network):
        mark = order(network)

        (item,) = server.queues[EUI]
        found = fields(item.message)
        assert (item.id, found[2], found[3], found[4]) == (mark, EUI.encode(), 1, 85)
        assert found[5] == bytes.fromhex("07 01 ff")
        assert fields(found[10]) == {1: int(UNTIL.timestamp())}

    def test_shows_what_waits(self, network):
        marks = [order(network, close=close) for close in (False, True)]

        waiting = network.queue(EUI)

        assert [one.id for one in waiting] == marks
        assert [one.data.hex() for one in waiting] == ["0700ff", "0701ff"]
        assert (waiting[0].port, waiting[0].expires_at, waiting[0].is_pending) == (85, UNTIL, False)

    def test_is_emptied_before_an_order_that_goes_first(self, server, network):
        order(network, close=False)

        network.flush(EUI)
        order(network, close=True)

        assert [one.data.hex() for one in network.queue(EUI)] == ["0701ff"]
        assert server.asked == ["Enqueue", "FlushQueue", "Enqueue", "GetQueue"]

    def test_of_another_device_stays(self, network):
        order(network)
        network.flush("24e124136f215918")
        assert len(network.queue(EUI)) == 1


class TestFaults:
    def test_a_wrong_key_is_refused(self, server):
        with pytest.raises(Refused, match="API key"):
            order(Network(server.address, "another"))
        assert not server.queues

    @pytest.mark.parametrize(("code", "words"), [("5", "no such device"), ("7", "forbids")])
    def test_a_clear_no_is_told_as_such(self, server, network, code, words):
        server.faults = [code]
        with pytest.raises(Refused, match=words):
            order(network)

    @pytest.mark.parametrize("fault", ["2", "4", "13", "14", "lost before", "lost after", "proxy",
                                       "cut"])  # fmt: skip
    def test_what_may_have_been_done_is_no_refusal(self, server, network, fault):
        server.faults = [fault]
        with pytest.raises(NoAnswer):
            order(network)
        assert bool(server.queues) == (fault in ("lost after", "proxy", "cut"))

    def test_waits_only_so_long(self, server, network, monkeypatch):
        monkeypatch.setattr(downlinks, "PATIENCE", 0.2)
        server.faults = ["slow"]
        with pytest.raises(NoAnswer):
            order(network)

    def test_where_nobody_listens_nothing_was_done(self):
        with running() as gone:
            address = gone.address
        with pytest.raises(NotReached):
            order(Network(address, KEY))

    def test_the_key_is_not_shown(self, network):
        assert KEY not in repr(network)

    @given(st.binary(max_size=200))
    def test_any_answer_is_read_or_no_answer(self, body):
        with suppress(NoAnswer, Refused):
            downlinks._read(200, None, body)
