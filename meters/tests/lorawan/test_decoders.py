import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meters.lorawan import catalogue, em300_di, milesight, qalcosonic_w1, uc300
from meters.lorawan.em300_di import History, Humidity, Pulses, Temperature, Water, WaterAlarm
from meters.lorawan.errors import NotSwitchable, UnreadableFrame
from meters.lorawan.milesight import Battery, Setting
from meters.lorawan.observation import Count, Flag
from meters.lorawan.qalcosonic_w1 import Enhanced, Extended

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
I16 = st.integers(-(2**15), 2**15 - 1)
TOTAL = st.floats(0, 2.0**31, width=32)
FIRST_FRAME = "01755C0367340104686520CE9E74466310015D020000010000"
SECOND_FRAME = "01756403671e0104685e05c800000000"
ENHANCED = (
    "01aeac986a0032170000" + "0000000000000000" + "8003800054000e4005100048000240020000" + "20"
    + "00" * 14
)  # fmt: skip

ITEMS = {
    em300_di: st.one_of(
        st.builds(Battery, st.integers(0, 100)),
        st.builds(Temperature, I16),
        st.builds(Humidity, U8),
        st.builds(em300_di.Input, U8),
        st.builds(Pulses, U32),
        st.builds(Water, U16, U16, TOTAL),
        st.builds(em300_di.InputAlarm, U8, U8),
        st.builds(WaterAlarm, U16, U16, TOTAL, U8),
        st.builds(History, U32, I16, U8, U8, U8, U32),
        st.builds(em300_di.WaterHistory, U32, I16, U8, U8, U8, U8, U16, U16, TOTAL),
        st.builds(Setting, st.just(0xFF), st.just(0x16), st.binary(min_size=8, max_size=8)),
    ),
    uc300: st.one_of(
        st.builds(Battery, st.integers(0, 100)),
        st.builds(uc300.Pulses, U32),
        st.builds(uc300.OtherPulses, U32),
        st.builds(uc300.Level, U8),
        st.builds(uc300.Output, U8),
        st.builds(uc300.OtherOutput, U8),
    ),
}
EXTENDED_FRAMES = st.builds(
    Extended,
    U32, U8, U32, U32, U32,
    st.lists(U16.filter(lambda delta: delta != 0x2F2F), max_size=15).map(tuple),
)  # fmt: skip
ENHANCED_FRAMES = st.builds(
    Enhanced,
    U32, U8, U32,
    st.lists(st.integers(0, 2**14 - 1), min_size=23, max_size=23).map(tuple),
    st.integers(0, 63),
)  # fmt: skip
SOUND = {
    "em300_di": [FIRST_FRAME, SECOND_FRAME],
    "uc300": ["03C80A00000004C814000000050000060000070101080101"],
    "qalcosonic_w1": [ENHANCED],
}


class TestEm300Di:
    def test_reads_the_vendors_first_example(self):
        items = em300_di.decode(bytes.fromhex(FIRST_FRAME))

        assert items == (
            Battery(92),
            Temperature(308),
            Humidity(101),
            History(at=1665561758, temperature=272, humidity=93, mode=2, level=0, pulses=256),
        )
        told = em300_di.read(bytes.fromhex(FIRST_FRAME), 85)
        assert (told.battery_percent, told.counts) == (92, (Count(256, 1665561758),))

    def test_reads_the_vendors_second_example(self):
        told = em300_di.read(bytes.fromhex(SECOND_FRAME), 85)

        assert (told.battery_percent, told.counts) == (100, (Count(0),))

    def test_prefers_pulses_to_the_float(self):
        frame = em300_di.encode([Water(10, 10, 999.0), Pulses(1234)])

        assert em300_di.read(frame, 85).counts == (Count(1234),)

    @pytest.mark.parametrize(
        ("water", "pulse", "total", "pulses"),
        [
            pytest.param(10, 10, 42.0, 42, id="one to one"),
            pytest.param(100, 10, 1230.0, 123, id="ten litres a pulse"),
            pytest.param(1, 10, 4.1999998, 42, id="a tenth of a litre, as floats are"),
        ],
    )
    def test_finds_the_pulses_behind_a_total(self, water, pulse, total, pulses):
        frame = em300_di.encode([Water(water, pulse, total)])

        assert em300_di.read(frame, 85).counts == (Count(pulses),)

    def test_knows_no_pulses_without_a_conversion(self):
        assert em300_di.read(em300_di.encode([Water(0, 10, 5.0)]), 85).counts == ()

    @pytest.mark.parametrize(
        ("alarm", "raised"), [(1, {"outage"}), (3, {"flow_timeout"}), (2, set()), (4, set())]
    )
    def test_alarms_begin_and_end(self, alarm, raised):
        told = em300_di.read(em300_di.encode([WaterAlarm(10, 10, 1.0, alarm)]), 85)

        assert told.raised == raised
        assert len(told.told) == 1

    def test_says_nothing_of_alarms_in_a_plain_frame(self):
        assert em300_di.read(bytes.fromhex(SECOND_FRAME), 85).told == frozenset()


class TestQalcosonicW1:
    def test_reads_the_published_example(self):
        frame = qalcosonic_w1.decode(bytes.fromhex(ENHANCED))

        assert (frame.at, frame.status, frame.log_litres) == (1788390574, 0, 5938)
        assert frame.deltas[5:16] == (14, 8, 21, 14, 21, 1, 18, 2, 9, 0, 8)
        assert sum(frame.deltas) == 116
        counts = qalcosonic_w1.read(bytes.fromhex(ENHANCED), 100).counts
        assert counts[0] == Count(5938, 1788307200, is_pulses=False)  # 2026-09-02T00:00Z
        assert counts[-1] == Count(6054, 1788390000, is_pulses=False)  # 2026-09-02T23:00Z
        assert len(counts) == 24

    def test_logs_hours_after_the_logs_time(self):
        frame = Extended(7200 + 300, 0, 1010, 3600, 1000, (4, 5))

        told = qalcosonic_w1.read(qalcosonic_w1.encode(frame), 100)

        assert [(one.at, one.value) for one in told.counts] == [
            (3600, 1000), (7200, 1004), (10800, 1009),
        ]  # fmt: skip

    def test_takes_the_total_where_the_log_contradicts_it(self):
        frame = Extended(7500, 0, 1005, 3600, 1000, (4, 5))

        told = qalcosonic_w1.read(qalcosonic_w1.encode(frame), 100)

        assert told.counts == (Count(1005, 7500, is_pulses=False),)

    @pytest.mark.parametrize("size", [47, 48])
    def test_reads_both_lengths(self, size):
        frame = Extended(1, 2, 3, 4, 5, tuple(range(40, 55)))

        assert qalcosonic_w1.decode(qalcosonic_w1.encode(frame)[:size]) == frame

    @pytest.mark.parametrize(
        ("status", "raised"),
        [
            (0x00, set()),
            (0x04, {Flag.LOW_BATTERY}),
            (0x08, {Flag.PERMANENT_ERROR}),
            (0x10, {Flag.EMPTY_PIPE}),
            (0x14, {Flag.LOW_BATTERY, Flag.TEMPORARY_ERROR}),
            (0x20, {Flag.LEAK}),
            (0x60, {Flag.BACKFLOW}),
            (0xA0, {Flag.BURST}),
            (0x80, {Flag.LOW_TEMPERATURE}),
        ],
    )
    def test_reads_the_status(self, status, raised):
        assert qalcosonic_w1.flags(status) == raised

    def test_refuses_what_is_scaled(self):
        frame = Enhanced(1788390574, 0, 5938, (1,) * 23, multiplier=1)

        with pytest.raises(UnreadableFrame, match="multiplier"):
            qalcosonic_w1.read(qalcosonic_w1.encode(frame), 100)


class TestUc300:
    def test_reads_the_vendors_example(self):
        told = uc300.read(bytes.fromhex(SOUND["uc300"][0]), 85)

        assert (told.counts, told.is_closed) == ((Count(10),), True)

    def test_orders(self):
        model = catalogue.MODELS["uc300"]

        assert model.order(close=True).hex() == "0701ff"
        assert model.order(close=False).hex() == "0700ff"


class TestLayouts:
    @pytest.mark.parametrize("module", list(ITEMS), ids=lambda module: module.__name__)
    @given(data=st.data())
    def test_decoding_what_was_encoded_is_identity(self, module, data):
        items = data.draw(st.lists(ITEMS[module], min_size=1, max_size=10).map(tuple))

        assert module.decode(module.encode(items)) == items

    @given(frame=st.one_of(EXTENDED_FRAMES, ENHANCED_FRAMES))
    def test_of_the_water_meter_too(self, frame):
        assert qalcosonic_w1.decode(qalcosonic_w1.encode(frame)) == frame

    @given(payload=st.binary(min_size=51, max_size=51).map(lambda rest: b"\x01" + rest[1:]))
    def test_encoding_what_was_decoded_is_identity(self, payload):
        assert qalcosonic_w1.encode(qalcosonic_w1.decode(payload)) == payload


@st.composite
def mutated(draw, frames):
    """A sound frame with bytes changed, cut off or added."""
    frame = bytearray(bytes.fromhex(draw(st.sampled_from(frames))))
    for _ in range(draw(st.integers(0, 4))):
        frame[draw(st.integers(0, len(frame) - 1))] = draw(U8)
    return bytes(frame[: draw(st.integers(0, len(frame)))]) + draw(st.binary(max_size=40))


class TestMutatedFrames:
    @pytest.mark.parametrize("code", list(catalogue.MODELS))
    @given(data=st.data())
    def test_are_read_or_refused(self, code, data):
        payload = data.draw(st.one_of(mutated(SOUND[code]), st.binary(max_size=300)))
        model = catalogue.MODELS[code]
        began = time.monotonic()

        try:
            told = model.observe(payload, model.port)
        except UnreadableFrame:
            told = None

        assert time.monotonic() - began < 0.2
        assert told is None or all(count.value >= 0 for count in told.counts)

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            ("", "1 to 242"),
            ("01", "within a channel"),
            ("0175", "cut off"),
            ("0175ff", "at most full"),
            ("ff1612", "cut off"),
            ("42420000", "42 42 is not known"),
            ("05e10a000a000000c07f", "no quantity"),
            ("05e10a000a00000080bf", "no quantity"),
        ],
    )
    def test_say_what_is_wrong(self, payload, words):
        with pytest.raises(UnreadableFrame, match=words):
            em300_di.decode(bytes.fromhex(payload))


class TestCatalogue:
    def test_holds_each_model_to_its_port(self):
        with pytest.raises(UnreadableFrame, match="port 85, not 2"):
            catalogue.MODELS["em300_di"].observe(bytes.fromhex(SECOND_FRAME), 2)

    def test_a_meter_without_relay_takes_no_orders(self):
        with pytest.raises(NotSwitchable):
            catalogue.MODELS["em300_di"].order(close=False)

    @pytest.mark.parametrize(
        ("profile", "code"),
        [
            ("Milesight EM300-DI (868)", "em300_di"),
            ("Axioma QALCOSONIC W1", "qalcosonic_w1"),
            ("Some thermometer", ""),
        ],
    )
    def test_guesses_by_the_profiles_name(self, profile, code):
        assert catalogue.guess(profile) == code


def test_settings_are_kept_as_they_came():
    frame = bytes.fromhex("ff0bffff0101ff166746d38802580000ff090100ff0a0101ff0f00")

    assert milesight.encode(em300_di.decode(frame), em300_di.LAYOUTS) == frame


def test_the_vectors_are_those_that_were_published():
    path = Path(__file__).parent / "vectors.json"
    vectors = json.loads(path.read_text())
    for case in vectors["em300_di"]["cases"]:
        told = em300_di.read(bytes.fromhex(case["hex"]), 85)
        items = em300_di.decode(bytes.fromhex(case["hex"]))
        assert told.battery_percent == case["battery_percent"]
        assert items[1].tenths == round(case["temperature_c"] * 10)
        assert items[2].halves == round(case["humidity_percent"] * 2)
        if "pulses" in case:
            assert told.counts == (Count(case["pulses"]),)
        for kept, asked in zip(told.counts, case.get("history", []), strict=False):
            assert kept == Count(asked["pulses"], asked["timestamp"])
