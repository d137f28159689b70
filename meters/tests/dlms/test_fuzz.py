"""Whatever comes over the wire: our errors, in bounded time and memory."""

import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meters.dlms import apdu, axdr, instants, obis
from meters.dlms.association import AssociationRequest, AssociationResponse
from meters.dlms.errors import FrameError
from meters.dlms.profile import ProfileLayout, columns_of, decode_rows, period_of
from meters.dlms.selection import CLOCK_COLUMN, CaptureObject, RangeSelection
from meters.dlms.services import (
    ActionRequest,
    Attribute,
    GetBlockResponse,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    SetRequest,
    list_results,
)
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.simulator.load_profile import LoadProfile
from meters.dlms.simulator.objects import meter_device
from meters.dlms.values import RegisterValue, RelayState, ScalerUnit
from meters.dlms.wrapper import Frame, FrameBuffer
from meters.tests.dlms.standin import NOON, StandIn

OFFSET = timedelta(hours=2)
PATIENCE = 0.5
FUZZING = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CLOCK = Attribute(8, obis.CLOCK, 2)
RANGE = RangeSelection(
    instants.encode(NOON - timedelta(hours=3), offset=OFFSET),
    instants.encode(NOON, offset=OFFSET),
)
ROWS = LoadProfile(StandIn(), Behaviour()).buffer(RANGE)
REQUESTS = [
    AssociationRequest().to_bytes(),
    bytes.fromhex("6215800100be10040e01000000065f1f040000521dffff"),
    GetRequest(0xC1, Attribute(7, obis.LOAD_PROFILE, 2), RANGE).to_bytes(),
    GetListRequest(0xC1, [(CLOCK, None)] * 3).to_bytes(),
    SetRequest(0xC1, CLOCK, axdr.octets(RANGE.end)).to_bytes(),
    ActionRequest(0xC1, Attribute(70, obis.DISCONNECT_CONTROL, 1), axdr.int8(0)).to_bytes(),
]
RESPONSES = [
    AssociationResponse().to_bytes(),
    GetResponse(0xC1, ROWS).to_bytes(),
    GetBlockResponse(0xC1, last=False, number=1, data=ROWS[:100]).to_bytes(),
    GetListResponse(0xC1, b"\x02\x00" + ROWS + b"\x01\x04").to_bytes(),
    bytes.fromhex("6303800100"),
    bytes.fromhex("d80102"),
]


@st.composite
def damaged(draw, originals):
    """One of the originals with octets changed, taken out, put in or cut off."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, max(len(data) - 1, 0)))
        change = draw(st.sampled_from(["set", "remove", "insert", "cut"]))
        if change == "set" and data:
            data[position] = draw(st.sampled_from([0, 1, 2, 0x7F, 0x80, 0x84, 0xFF, 0x55]))
        elif change == "remove":
            del data[position : position + draw(st.integers(1, 4))]
        elif change == "insert":
            data[position:position] = draw(st.binary(min_size=1, max_size=4))
        else:
            del data[position:]
    return bytes(data)


def bounded(action, *arguments):
    """Do it, allow our error, and be quick about it."""
    started = time.perf_counter()
    try:
        return action(*arguments)
    except FrameError:
        return None
    finally:
        assert time.perf_counter() - started < PATIENCE


def understand(raw):
    """All that the client does with an answer."""
    response = apdu.parse_response(raw)
    match response:
        case GetResponse(data=bytes(data)):
            value = axdr.decode(data)
            for reading in (ScalerUnit.of, columns_of, period_of):
                bounded(reading, value)
            bounded(RelayState.of, value, value, value)
            bounded(RegisterValue.of, value, ScalerUnit(0, 30))
        case GetListResponse(body=body):
            list_results(body)


class TestCodec:
    @FUZZING
    @given(damaged(REQUESTS) | st.binary(max_size=80))
    def test_reads_any_request_or_raises_a_frame_error(self, raw):
        bounded(apdu.parse_request, raw)

    @FUZZING
    @given(damaged(RESPONSES) | st.binary(max_size=80))
    def test_reads_any_response_or_raises_a_frame_error(self, raw):
        bounded(understand, raw)

    @FUZZING
    @given(damaged([ROWS]))
    def test_reads_any_profile_or_raises_a_frame_error(self, raw):
        columns = (
            CLOCK_COLUMN,
            CaptureObject(1, obis.AMR_STATUS, 2),
            CaptureObject(3, obis.ENERGY_IMPORT, 2),
            CaptureObject(3, obis.ENERGY_EXPORT, 2),
        )
        layout = ProfileLayout(columns, timedelta(minutes=15))

        bounded(lambda: decode_rows(raw, layout, offset=OFFSET))

    @FUZZING
    @given(damaged([Frame(1, 101, raw).to_bytes() * 3 for raw in RESPONSES]))
    def test_reads_any_stream_or_raises_a_frame_error(self, raw):
        bounded(lambda: list(FrameBuffer().feed(raw)))

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"\x01\x82\xff\xfd" + bytes(65533), id="65 533 nulls"),
            pytest.param(b"\x01\x01" * 32000 + b"\x00", id="nested 32 000 deep"),
            pytest.param(b"\x01\x82\xff\xf0" * 16000, id="arrays that promise more than there is"),
            pytest.param(b"\x02\x04" + b"\x09\x00" * 4 + b"\x00" * 60000, id="60 000 too many"),
        ],
    )
    def test_takes_the_largest_lies_in_stride(self, raw):
        bounded(axdr.decode, raw)


class TestSimulator:
    @FUZZING
    @given(damaged(REQUESTS) | st.binary(max_size=80))
    def test_answers_anything_with_something_a_client_can_read(self, raw):
        behaviour = Behaviour(profile_entries=96)
        conversation = Conversation(meter_device(StandIn(), behaviour), behaviour)
        conversation.answer(AssociationRequest().to_bytes())

        answer = conversation.answer(raw)

        apdu.parse_response(answer)
