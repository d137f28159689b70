import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.dlms.errors import FrameError
from meters.dlms.wrapper import Frame, FrameBuffer
from meters.tests.dlms.running import segments

# Green Book, wrapper example: client 1 to logical device 1, an AARQ of 31 octets.
AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f0400007e1f04b0")
GOLDEN = bytes.fromhex("000100010001001f") + AARQ


class TestFrame:
    def test_puts_version_ports_and_length_before_the_apdu(self):
        assert Frame(1, 1, AARQ).to_bytes() == GOLDEN

    def test_refuses_an_apdu_longer_than_the_length_field(self):
        with pytest.raises(ValueError, match="65536"):
            Frame(1, 1, bytes(65536)).to_bytes()


class TestFrameBuffer:
    def test_reads_what_was_written(self):
        assert list(FrameBuffer().feed(GOLDEN)) == [Frame(1, 1, AARQ)]

    @given(
        st.lists(st.binary(max_size=40), min_size=1, max_size=5),
        st.lists(st.integers(1, 30), min_size=1, max_size=5),
    )
    def test_does_not_care_how_the_stream_was_segmented(self, apdus, sizes):
        frames = [Frame(1, number, apdu) for number, apdu in enumerate(apdus)]
        stream = b"".join(frame.to_bytes() for frame in frames)
        buffer = FrameBuffer()

        found = [frame for piece in segments(stream, sizes) for frame in buffer.feed(piece)]

        assert found == frames
        assert not buffer.partial

    def test_waits_for_the_rest(self):
        buffer = FrameBuffer()

        assert list(buffer.feed(GOLDEN[:-1])) == []
        assert buffer.partial
        assert list(buffer.feed(GOLDEN[-1:])) == [Frame(1, 1, AARQ)]

    def test_refuses_another_version(self):
        with pytest.raises(FrameError, match="version 2"):
            list(FrameBuffer().feed(b"\x00\x02" + GOLDEN[2:]))
