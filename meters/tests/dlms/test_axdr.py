import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.dlms import axdr
from meters.dlms.axdr import BitString
from meters.dlms.errors import FrameError


class TestEncode:
    @pytest.mark.parametrize(
        ("encoded", "golden"),
        [
            pytest.param(axdr.NULL, "00", id="null-data"),
            pytest.param(axdr.boolean(True), "0301", id="boolean"),
            pytest.param(axdr.int8(-3), "0ffd", id="integer"),
            pytest.param(axdr.uint8(255), "11ff", id="unsigned"),
            pytest.param(axdr.int16(-120), "10ff88", id="long"),
            pytest.param(axdr.uint16(900), "120384", id="long-unsigned"),
            pytest.param(axdr.int32(-1), "05ffffffff", id="double-long"),
            pytest.param(axdr.uint32(106227500), "060654e72c", id="double-long-unsigned"),
            pytest.param(axdr.int64(-2), "14fffffffffffffffe", id="long64"),
            pytest.param(axdr.uint64(2**63), "158000000000000000", id="long64-unsigned"),
            pytest.param(axdr.enumerated(30), "161e", id="enum"),
            pytest.param(axdr.octets(b"\x00\xff"), "090200ff", id="octet-string"),
            pytest.param(axdr.visible("LGZ"), "0a034c475a", id="visible-string"),
            pytest.param(axdr.utf8("ü"), "0c02c3bc", id="utf8-string"),
            pytest.param(axdr.bits(BitString(3, b"\xa0")), "0403a0", id="bit-string"),
            pytest.param(axdr.float32(1.5), "173fc00000", id="float32"),
            pytest.param(axdr.float64(1.5), "183ff8000000000000", id="float64"),
            pytest.param(
                axdr.structure(axdr.int8(-3), axdr.enumerated(13)), "02020ffd160d", id="structure"
            ),
            pytest.param(axdr.array([axdr.uint8(1)] * 2), "010211011101", id="array"),
        ],
    )
    def test_gives_the_octets_of_the_standard(self, encoded, golden):
        assert encoded.hex() == golden

    def test_writes_long_lengths_with_their_size(self):
        assert axdr.octets(bytes(200))[:3].hex() == "0981c8"
        assert axdr.octets(bytes(500))[:4].hex() == "098201f4"

    def test_refuses_a_number_that_does_not_fit(self):
        with pytest.raises(ValueError, match="4294967296"):
            axdr.uint32(2**32)


scalars = st.one_of(
    st.just((axdr.NULL, None)),
    st.booleans().map(lambda value: (axdr.boolean(value), value)),
    st.integers(-(2**7), 2**7 - 1).map(lambda value: (axdr.int8(value), value)),
    st.integers(0, 2**16 - 1).map(lambda value: (axdr.uint16(value), value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: (axdr.int32(value), value)),
    st.integers(0, 2**64 - 1).map(lambda value: (axdr.uint64(value), value)),
    st.binary(max_size=300).map(lambda value: (axdr.octets(value), value)),
    st.text(max_size=50).map(lambda value: (axdr.utf8(value), value)),
    st.floats(allow_nan=False).map(lambda value: (axdr.float64(value), value)),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(
            lambda pairs: (axdr.array(code for code, _ in pairs), [value for _, value in pairs])
        )
        | st.lists(inner, max_size=4).map(
            lambda pairs: (
                axdr.structure(*(code for code, _ in pairs)),
                tuple(value for _, value in pairs),
            )
        )
    ),
    max_leaves=12,
)


class TestDecode:
    @given(anything)
    def test_gives_back_what_was_encoded(self, pair):
        encoded, value = pair

        assert axdr.decode(encoded) == value

    @pytest.mark.parametrize(
        ("data", "value"),
        [
            pytest.param("0d05", 5, id="bcd"),
            pytest.param("ff", None, id="dont-care"),
            pytest.param("19" + "07ea0302010e050000ff8800", b"\x07\xea\x03\x02", id="date-time"),
            pytest.param("1a07ea030201", b"\x07\xea\x03\x02", id="date"),
            pytest.param("1b0e050000", b"\x0e\x05", id="time"),
            pytest.param("0403a0", BitString(3, b"\xa0"), id="bit-string"),
            pytest.param("098100", b"", id="length in a needlessly long form"),
        ],
    )
    def test_knows_the_less_usual_types(self, data, value):
        decoded = axdr.decode(bytes.fromhex(data))

        assert decoded[: len(value)] == value if isinstance(value, bytes) else decoded == value

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param("", id="nothing"),
            pytest.param("06000000", id="cut short"),
            pytest.param("110000", id="too long"),
            pytest.param("13", id="compact-array"),
            pytest.param("01ff", id="array of a length without size"),
            pytest.param("018400ffffff", id="array of sixteen millions"),
            pytest.param("0984ffffffff", id="octet-string longer than the message"),
            pytest.param("0980", id="length of unknown form"),
            pytest.param("0a01ff", id="visible-string that is not ASCII"),
            pytest.param("0101" * 17 + "00", id="nested 17 deep"),
        ],
    )
    def test_refuses(self, data):
        with pytest.raises(FrameError):
            axdr.decode(bytes.fromhex(data))

    def test_does_not_begin_an_array_that_cannot_end(self):
        with pytest.raises(FrameError, match="16777215 elements announced, 1 octets left"):
            axdr.decode(bytes.fromhex("018400ffffff00"))
