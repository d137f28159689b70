import pytest

from meters.dlms import apdu, axdr, instants, obis
from meters.dlms.association import AssociationRequest
from meters.dlms.errors import DataAccessResult
from meters.dlms.initiate import Conformance
from meters.dlms.selection import CaptureObject, EntrySelection, RangeSelection
from meters.dlms.services import (
    ActionRequest,
    Attribute,
    ExceptionResponse,
    GetBlockResponse,
    GetListRequest,
    GetNextRequest,
    GetRequest,
    GetResponse,
    SetRequest,
)
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.simulator.objects import meter_device
from meters.tests.dlms.standin import NOON, QUARTER, StandIn, import_at

CLOCK = Attribute(8, obis.CLOCK, 2)
BUFFER = Attribute(7, obis.LOAD_PROFILE, 2)
RELAY = Attribute(70, obis.DISCONNECT_CONTROL, 1)
IMPORT_COLUMN = CaptureObject(3, obis.ENERGY_IMPORT, 2)
CLOCK_COLUMN = CaptureObject(8, obis.CLOCK, 2)


def when(at):
    return instants.encode(at, offset=Behaviour().utc_offset)


class Talk:
    """A conversation that takes and gives requests and responses instead of octets."""

    def __init__(self, standin=None, request=None, behaviour=None):
        behaviour = behaviour or Behaviour()
        device = meter_device(standin or StandIn(), behaviour)
        self.conversation = Conversation(device, behaviour)
        if request is not None:
            self.say(request)

    def say(self, request):
        return apdu.parse_response(self.conversation.answer(request.to_bytes()))


@pytest.fixture
def talk():
    return Talk(request=AssociationRequest())


class TestAssociation:
    def test_comes_before_everything_else(self):
        assert Talk().say(GetRequest(0xC1, CLOCK)) == ExceptionResponse(1, 1)

    def test_grants_what_both_sides_can_do(self):
        wanted = Conformance.GET | Conformance.MULTIPLE_REFERENCES

        granted = Talk(behaviour=Behaviour(lists="absent")).say(AssociationRequest(wanted))

        assert granted.conformance == Conformance.GET

    @pytest.mark.parametrize(
        ("request_", "diagnostic"),
        [
            pytest.param(AssociationRequest(context=2), 2, id="short names"),
            pytest.param(AssociationRequest(context=3), 2, id="ciphered"),
        ],
    )
    def test_is_refused(self, request_, diagnostic):
        refused = Talk().say(request_)

        assert (refused.result, refused.diagnostic) == (1, diagnostic)

    def test_with_a_password_is_refused_as_not_known(self):
        text = (
            "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738"
            "be10040e01000000065f1f0400007e1f04b0"
        )

        refused = apdu.parse_response(Talk().conversation.answer(bytes.fromhex(text)))

        assert (refused.result, refused.diagnostic) == (1, 11)

    def test_ends_with_a_release(self, talk):
        assert talk.conversation.answer(bytes.fromhex("6203800100")).hex() == "6303800100"
        assert talk.say(GetRequest(0xC1, CLOCK)) == ExceptionResponse(1, 1)

    def test_answers_noise_with_an_exception(self, talk):
        assert talk.conversation.answer(b"\xff\x00").hex() == "d80203"


class TestBlocks:
    def small(self, limit=100):
        return Talk(request=AssociationRequest(max_pdu=limit))

    def ask(self, talk):
        selection = RangeSelection(when(NOON - 10 * QUARTER), when(NOON))
        return talk.say(GetRequest(0xC1, BUFFER, selection))

    def test_never_exceed_what_the_client_can_take(self):
        talk = self.small(100)
        block = self.ask(talk)
        content = block.data
        while not block.last:
            raw = talk.conversation.answer(GetNextRequest(0xC1, block.number).to_bytes())
            assert len(raw) <= 100
            block = apdu.parse_response(raw)
            content += block.data

        assert len(axdr.decode(content)) == 10

    def test_must_be_acknowledged_in_turn(self):
        talk = self.small()
        self.ask(talk)

        refused = talk.say(GetNextRequest(0xC1, 7))

        invalid = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
        assert refused == GetBlockResponse(0xC1, True, 7, None, invalid)

    def test_cannot_be_asked_for_without_a_transfer(self, talk):
        refused = talk.say(GetNextRequest(0xC1, 1))

        assert refused.result == DataAccessResult.NO_LONG_GET_IN_PROGRESS

    def test_are_given_up_when_something_else_is_asked(self):
        talk = self.small()
        self.ask(talk)
        talk.say(GetRequest(0xC1, CLOCK))

        assert talk.say(GetNextRequest(0xC1, 1)).result == DataAccessResult.NO_LONG_GET_IN_PROGRESS

    def test_are_not_sent_to_a_client_that_cannot_do_them(self):
        talk = Talk(request=AssociationRequest(Conformance.GET, max_pdu=100))

        assert self.ask(talk) == GetResponse(0xC1, None, DataAccessResult.DATA_BLOCK_UNAVAILABLE)

    def test_carry_long_lists_too(self):
        talk = self.small(60)
        first = talk.say(GetListRequest(0xC1, [(CLOCK, None)] * 6))

        assert isinstance(first, GetBlockResponse)


class TestSelection:
    def rows(self, talk, selection):
        return axdr.decode(talk.say(GetRequest(0xC1, BUFFER, selection)).data)

    def test_gives_only_the_columns_asked_for(self, talk):
        start = NOON - QUARTER
        selection = RangeSelection(when(start), when(NOON), columns=(IMPORT_COLUMN,))

        assert self.rows(talk, selection) == [(import_at(101, NOON.replace(minute=0)),)]

    def test_by_entry_counts_rows_and_columns_from_one(self):
        talk = Talk(request=AssociationRequest(), behaviour=Behaviour(profile_entries=4))

        rows = self.rows(talk, EntrySelection(4, 0, 3, 3))

        assert rows == [(import_at(101, NOON.replace(minute=0)),)]

    @pytest.mark.parametrize(
        ("selection", "result"),
        [
            pytest.param(
                RangeSelection(when(NOON), when(NOON), restricting=IMPORT_COLUMN),
                DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
                id="by another column than the clock",
            ),
            pytest.param(
                RangeSelection(
                    when(NOON), when(NOON), columns=(CaptureObject(3, "1.1.1.1.1.1", 2),)
                ),
                DataAccessResult.SCOPE_OF_ACCESS_VIOLATED,
                id="an unknown column",
            ),
            pytest.param(
                RangeSelection(b"\xff" * 12, when(NOON)),
                DataAccessResult.TYPE_UNMATCHED,
                id="from no date",
            ),
            pytest.param(
                EntrySelection(0, 0), DataAccessResult.SCOPE_OF_ACCESS_VIOLATED, id="row zero"
            ),
        ],
    )
    def test_is_refused(self, talk, selection, result):
        assert talk.say(GetRequest(0xC1, BUFFER, selection)).result == result

    def test_of_anything_but_a_buffer_is_refused(self, talk):
        selection = EntrySelection(1, 1)

        refused = talk.say(GetRequest(0xC1, CLOCK, selection))

        assert refused.result == DataAccessResult.SCOPE_OF_ACCESS_VIOLATED

    def test_without_one_the_whole_buffer_is_given(self):
        talk = Talk(request=AssociationRequest(), behaviour=Behaviour(profile_entries=7))

        assert len(self.rows(talk, None)) == 7

    @pytest.mark.parametrize(
        ("number", "value"),
        [(4, 900), (5, 1), (7, 7), (8, 7)],
        ids=["period", "first in first out", "entries in use", "entries"],
    )
    def test_profile_attributes(self, number, value):
        talk = Talk(request=AssociationRequest(), behaviour=Behaviour(profile_entries=7))

        answer = talk.say(GetRequest(0xC1, Attribute(7, obis.LOAD_PROFILE, number)))

        assert axdr.decode(answer.data) == value


class TestChanges:
    @pytest.mark.parametrize(
        ("attribute", "data", "result"),
        [
            pytest.param(CLOCK, axdr.octets(when(NOON + QUARTER)), 0, id="the time"),
            pytest.param(CLOCK, axdr.uint8(1), 12, id="the time, to a number"),
            pytest.param(CLOCK, axdr.octets(b"1"), 12, id="the time, to one octet"),
            pytest.param(Attribute(8, obis.CLOCK, 3), axdr.int16(0), 3, id="the time zone"),
            pytest.param(Attribute(3, obis.ENERGY_IMPORT, 2), axdr.uint32(0), 3, id="a register"),
            pytest.param(Attribute(3, obis.VOLUME, 2), axdr.uint32(0), 4, id="what is not there"),
        ],
    )
    def test_set(self, talk, attribute, data, result):
        assert talk.say(SetRequest(0xC1, attribute, data)).result == result

    @pytest.mark.parametrize(
        ("method", "data", "result"),
        [
            pytest.param(RELAY, axdr.int8(0), 0, id="disconnect"),
            pytest.param(RELAY, b"", 0, id="disconnect without a parameter"),
            pytest.param(RELAY, axdr.int8(1), 12, id="disconnect with another parameter"),
            pytest.param(RELAY._replace(number=3), axdr.int8(0), 3, id="method 3"),
            pytest.param(CLOCK, axdr.int8(0), 3, id="a method of the clock"),
            pytest.param(Attribute(70, "0.0.96.3.11.255", 1), axdr.int8(0), 4, id="no such relay"),
        ],
    )
    def test_act(self, method, data, result):
        standin = StandIn()
        talk = Talk(standin, AssociationRequest())

        assert talk.say(ActionRequest(0xC1, method, data)).result == result
        assert standin.connected is (result != 0)

    def test_the_status_of_the_newest_row_can_be_read(self, talk):
        answer = talk.say(GetRequest(0xC1, Attribute(1, obis.AMR_STATUS, 2)))

        assert axdr.decode(answer.data) == 0x20
