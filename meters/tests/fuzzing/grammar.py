"""Valid frames with one wrong thing in them, as strategies of Hypothesis."""

import json
from collections.abc import Callable

from hypothesis import strategies as st

from meters.dlms import axdr, instants
from meters.dlms.octets import length_field
from meters.dlms.services import GetBlockResponse, GetResponse
from meters.tests.fuzzing import seeds
from meters.tests.fuzzing.targets import OFFSET, SINCE, as_bytes

INVOKE = 0xC1
EDGES = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0x84, 0xFE, 0xFF])
HUGE_COUNT = b"\x84\xff\xff\xff\xff"
NUMBERS = st.sampled_from(
    [
        axdr.uint64(2**64 - 1), axdr.int64(-(2**63)), axdr.uint32(2**32 - 1), axdr.int32(-1),
        axdr.float64(float("inf")), axdr.float32(float("nan")), axdr.NULL, axdr.boolean(True),
    ]
)  # fmt: skip
CLOCKS = st.sampled_from(
    [
        b"\xff" * 12, bytes(12), b"\x07\xea\x0d\x20" + b"\xff" * 8, b"\x27\x0f\x0c\x1f" + bytes(8),
        b"\x00\x01\x01\x01\xff\x00\x00\x00\x00\x7f\xff\x00", b"\xff\xff\x02\x1e" + bytes(8), b"",
        instants.encode(SINCE, offset=OFFSET)[:11],
    ]
)  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn, original: bytes) -> bytes:
    """Bytes with one octet changed, some taken out or put in, or the end cut off."""
    data = bytearray(original)
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    match draw(st.sampled_from(["set", "remove", "insert", "cut", "repeat"])):
        case "set":
            data[at : at + 1] = bytes((draw(EDGES),))
        case "remove":
            del data[at : at + draw(st.integers(1, 4))]
        case "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=8) | st.just(HUGE_COUNT))
        case "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        case _:
            del data[at:]
    return bytes(data)


def wrong_length(frame: bytes) -> st.SearchStrategy[bytes]:
    """A frame of the wrapper that announces more or less than it holds."""
    return st.integers(0, 0xFFFF).map(lambda length: frame[:6] + length.to_bytes(2) + frame[8:])


def nested(depth: int) -> bytes:
    return b"\x01\x01" * depth + b"\x00"


@st.composite
def data(draw: st.DrawFn) -> bytes:
    """COSEM data that lies: counts, depths and types."""
    shapes = [
        lambda: b"\x01" + HUGE_COUNT,
        lambda: b"\x02" + HUGE_COUNT + bytes(20),
        lambda: b"\x09" + HUGE_COUNT,
        lambda: b"\x04" + HUGE_COUNT,
        lambda: nested(draw(st.integers(15, 1000))),
        lambda: bytes((draw(st.integers(0, 255)),)) + draw(st.binary(max_size=12)),
        lambda: axdr.structure(*draw(st.lists(NUMBERS, max_size=5))),
    ]
    return draw(st.sampled_from(shapes))()


@st.composite
def profile_rows(draw: st.DrawFn) -> bytes:
    """A load profile of which one row is impossible."""
    sound = axdr.structure(
        axdr.octets(instants.encode(SINCE, offset=OFFSET)), axdr.uint8(0), *[axdr.uint32(7)] * 2
    )
    strange = axdr.structure(
        draw(CLOCKS.map(axdr.octets) | NUMBERS),
        draw(NUMBERS),
        *draw(st.lists(NUMBERS | data(), min_size=1, max_size=3)),
    )
    rows = [sound] * draw(st.integers(0, 3)) + [strange] + [sound] * draw(st.integers(0, 2))
    return b"\x01" + length_field(len(rows)) + b"".join(rows)


@st.composite
def transfer(draw: st.DrawFn) -> bytes:
    """A visit of which one answer comes in blocks that do not fit together."""
    replies = list(draw(st.sampled_from(seeds.VISITS)))
    at = draw(st.integers(1, len(replies) - 1))
    whole = draw(st.sampled_from([seeds.profile(), b"", bytes(3000)]) | data())
    cut = len(whole) // 2
    numbers = draw(st.sampled_from([(1, 3), (2, 1), (1, 1), (0, 1), (2**32 - 1, 0), (1, 2)]))
    blocks = [
        GetBlockResponse(INVOKE, last=False, number=numbers[0], data=whole[:cut]).to_bytes(),
        GetBlockResponse(
            INVOKE, last=draw(st.booleans()), number=numbers[1], data=whole[cut:]
        ).to_bytes(),
    ]
    return as_bytes([*replies[:at], *blocks[: draw(st.integers(1, 2))], *replies[at + 1 :]])


@st.composite
def visit(draw: st.DrawFn) -> bytes:
    """A visit of which one answer is spoiled, missing, doubled or another's."""
    replies = list(draw(st.sampled_from(seeds.VISITS)))
    at = draw(st.integers(0, len(replies) - 1))
    changes: list[Callable[[], list[bytes]]] = [
        lambda: [draw(spoiled(replies[at]))],
        list,
        lambda: [replies[at]] * 2,
        lambda: [replies[draw(st.integers(0, len(replies) - 1))]],
        lambda: [GetResponse(INVOKE, draw(data())).to_bytes()],
        lambda: [GetResponse(INVOKE, draw(profile_rows())).to_bytes()],
    ]
    return as_bytes([*replies[:at], *draw(st.sampled_from(changes))(), *replies[at + 1 :]])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner)
)


@st.composite
def event(draw: st.DrawFn) -> bytes:
    """The body of an event of which one field is of another kind, or gone."""
    body = dict(draw(st.sampled_from([seeds.UPLINK, seeds.STATUS])))
    name = draw(st.sampled_from(sorted(body)))
    if draw(st.booleans()):
        body[name] = draw(JSON)
    else:
        del body[name]
    return bytes((draw(st.integers(0, 7)),)) + json.dumps(body).encode(errors="replace")


def any_of(target: str) -> st.SearchStrategy[bytes]:
    """Bytes for one target: spoiled valid ones, and what its own grammar makes."""
    valid = seeds.valid()[target]
    usual = st.sampled_from(valid).flatmap(spoiled)
    special = {
        "wrapper": st.sampled_from(valid).flatmap(wrong_length),
        "answer": data().map(lambda lie: GetResponse(INVOKE, lie).to_bytes()),
        "rows": profile_rows(),
        "conversation": visit() | transfer(),
        "webhook": event(),
    }
    return usual | special[target] if target in special else usual
