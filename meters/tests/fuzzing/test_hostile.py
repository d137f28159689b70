"""Frames with one wrong thing: refused by our own errors, quickly, and without much memory."""

import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meters.dlms.errors import DlmsError, NotGenuine
from meters.tests.fuzzing import grammar, seeds
from meters.tests.fuzzing.targets import HEARD, TARGETS, from_the_meter, opened

SECONDS, OCTETS = 0.05, 64 * 1024 * 1024
FUZZING = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
LARGEST = {
    "65 533 nulls": b"\x01\x82\xff\xfd" + bytes(65533),
    "nested 32 000 deep": grammar.nested(32_000),
    "arrays in arrays that promise too much": b"\x01\x82\xff\xf0" * 16_000,
    "a text of 64 kB": b"\x0a\x82\xff\xf0" + b"\x80" * 0xFFF0,
}


def bear(target: str, hostile: bytes) -> None:
    """Give a target hostile bytes; by the thread's own time, for others use the machine, too."""
    began = time.thread_time()
    TARGETS[target](hostile)
    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize("target", TARGETS)
class TestTargets:
    def test_bear_what_is_valid(self, target):
        for valid in seeds.valid()[target]:
            bear(target, valid)

    def test_bear_what_was_found_before(self, target):
        for one in seeds.found(target):
            bear(target, one)

    @FUZZING
    @given(data=st.data())
    def test_bear_one_wrong_thing(self, target, data):
        bear(target, data.draw(grammar.any_of(target)))


@pytest.mark.parametrize("lie", LARGEST.values(), ids=LARGEST)
@pytest.mark.parametrize("target", ["answer", "rows"])
def test_the_largest_frames_take_little_memory(target, lie):
    hostile = b"\xc4\x01\xc1\x00" + lie if target == "answer" else lie
    tracemalloc.start()
    try:
        TARGETS[target](hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < OCTETS


class TestSealed:
    """Nothing reaches who reads values that the meter did not seal, each once."""

    APDU = seeds.VISITS[0][1]

    @FUZZING
    @given(data=st.data())
    def test_spoiled_is_never_opened(self, data):
        genuine = from_the_meter(self.APDU)
        spoiled = data.draw(grammar.spoiled(genuine).filter(lambda one: one != genuine))

        with pytest.raises(DlmsError):
            opened(spoiled)

    @pytest.mark.parametrize("counter", [0, HEARD])
    def test_a_counter_that_did_not_rise_is_refused(self, counter):
        with pytest.raises(NotGenuine):
            opened(from_the_meter(self.APDU, counter=counter))

    def test_another_tag_is_refused(self):
        genuine = from_the_meter(self.APDU)

        with pytest.raises(NotGenuine):
            opened(genuine[:-1] + bytes((genuine[-1] ^ 1,)))
        assert opened(genuine) == self.APDU
