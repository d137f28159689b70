import pytest

from meters.dlms import apdu, axdr, obis
from meters.dlms.errors import AccessDenied, FrameError, ObjectUndefined
from meters.dlms.selection import CaptureObject, EntrySelection, RangeSelection
from meters.dlms.services import (
    ActionRequest,
    ActionResponse,
    Attribute,
    ExceptionResponse,
    GetBlockResponse,
    GetListRequest,
    GetListResponse,
    GetNextRequest,
    GetRequest,
    GetResponse,
    SetRequest,
    SetResponse,
    list_results,
)

CLOCK = Attribute(8, obis.CLOCK, 2)
IMPORT = Attribute(3, obis.ENERGY_IMPORT, 2)
BUFFER = Attribute(7, obis.LOAD_PROFILE, 2)
RECONNECT = Attribute(70, obis.DISCONNECT_CONTROL, 2)
NOON = bytes.fromhex("07ea0302ff0c050000000000")
DAY_BEFORE = bytes.fromhex("07ea0301ff0c050000000000")
DAY = RangeSelection(DAY_BEFORE, NOON)
IMPORT_COLUMN = CaptureObject(3, obis.ENERGY_IMPORT, 2)

# Recorded from gurux and dlms-cosem, which send the same octets.
REQUESTS = [
    pytest.param(GetRequest(0xC1, CLOCK), "c001c100080000010000ff0200", id="GET"),
    pytest.param(
        GetRequest(0xC1, BUFFER, DAY),
        "c001c100070100630100ff0201010204020412000809060000010000ff0f02120000"
        "090c07ea0301ff0c050000000000090c07ea0302ff0c0500000000000100",
        id="GET by range",
    ),
    pytest.param(
        GetRequest(0xC1, BUFFER, EntrySelection(1, 3)),
        "c001c100070100630100ff020102020406000000010600000003120001120000",
        id="GET by entry",
    ),
    pytest.param(GetNextRequest(0xC1, 2), "c002c100000002", id="GET next"),
    pytest.param(
        GetListRequest(0xC1, [(CLOCK, None), (IMPORT, None)]),
        "c003c10200080000010000ff020000030100010800ff0200",
        id="GET with list",
    ),
    pytest.param(
        SetRequest(0xC1, CLOCK, axdr.octets(NOON)),
        "c101c100080000010000ff0200090c07ea0302ff0c050000000000",
        id="SET",
    ),
    pytest.param(
        ActionRequest(0xC1, RECONNECT, axdr.int8(0)),
        "c301c10046000060030aff02010f00",
        id="ACTION",
    ),
]
RESPONSES = [
    pytest.param(GetResponse(0xC1, axdr.uint32(106227500)), "c401c100060654e72c", id="GET"),
    pytest.param(GetResponse(0xC1, None, 4), "c401c10104", id="GET denied"),
    pytest.param(
        GetBlockResponse(0xC1, last=False, number=1, data=b"\x01\x02"),
        "c402c1000000000100020102",
        id="block",
    ),
    pytest.param(
        GetBlockResponse(0xC1, last=True, number=2, data=None, result=15),
        "c402c10100000002010f",
        id="block that failed",
    ),
    pytest.param(
        GetListResponse(0xC1, bytes.fromhex("0200060654e72c0104")),
        "c403c10200060654e72c0104",
        id="GET with list",
    ),
    pytest.param(SetResponse(0xC1, 0), "c501c100", id="SET"),
    pytest.param(ActionResponse(0xC1, 0), "c701c10000", id="ACTION"),
    pytest.param(ExceptionResponse(1, 2), "d80102", id="exception-response"),
]


class TestRequests:
    @pytest.mark.parametrize(("request_", "golden"), REQUESTS)
    def test_are_written_as_other_clients_do(self, request_, golden):
        assert request_.to_bytes().hex() == golden

    @pytest.mark.parametrize(("request_", "golden"), REQUESTS)
    def test_are_read(self, request_, golden):
        assert apdu.parse_request(bytes.fromhex(golden)) == request_

    def test_carry_selected_columns(self):
        asked = GetRequest(0xC1, BUFFER, RangeSelection(NOON, NOON, columns=(IMPORT_COLUMN,)))

        assert apdu.parse_request(asked.to_bytes()) == asked

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="nothing"),
            pytest.param("c001", id="cut short"),
            pytest.param("c001c100080000010000ff020000", id="too long"),
            pytest.param("c004c100", id="unknown choice"),
            pytest.param("c003c1ff00080000010000ff0200", id="list longer than the message"),
            pytest.param("c001c100070100630100ff0201030204", id="unknown selector"),
            pytest.param("c001c100070100630100ff0201010200", id="empty range"),
            pytest.param("c101c100080000010000ff0200", id="SET of nothing"),
            pytest.param("c801", id="another service"),
        ],
    )
    def test_refuse(self, text):
        with pytest.raises(FrameError):
            apdu.parse_request(bytes.fromhex(text))


class TestResponses:
    @pytest.mark.parametrize(("response", "golden"), RESPONSES)
    def test_are_written(self, response, golden):
        assert response.to_bytes().hex() == golden

    @pytest.mark.parametrize(("response", "golden"), RESPONSES)
    def test_are_read(self, response, golden):
        assert apdu.parse_response(bytes.fromhex(golden)) == response

    def test_read_an_action_that_returns_something(self):
        assert apdu.parse_response(bytes.fromhex("c701c10001000f00")) == ActionResponse(
            0xC1, 0, b"\x0f\x00"
        )

    def test_read_a_confirmed_service_error_as_an_exception(self):
        assert apdu.parse_response(bytes.fromhex("0e0106")) == ExceptionResponse(1, 6)

    @pytest.mark.parametrize("text", ["0f00000001", "c200"])
    def test_know_what_comes_unasked(self, text):
        assert isinstance(apdu.parse_response(bytes.fromhex(text)), apdu.Notification)


class TestListResults:
    def test_keep_a_failure_in_its_place(self):
        value, missing, denied = list_results(bytes.fromhex("03" + "00" + "1105" + "0104" + "0103"))

        assert value == 5
        assert isinstance(missing, ObjectUndefined)
        assert isinstance(denied, AccessDenied)
        assert denied.result == 3

    @pytest.mark.parametrize("text", ["", "02001105", "01021105", "0100110500", "ff"])
    def test_refuse(self, text):
        with pytest.raises(FrameError):
            list_results(bytes.fromhex(text))
