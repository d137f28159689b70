import pytest

from meters.dlms import apdu
from meters.dlms.association import (
    AssociationRequest,
    AssociationResponse,
    Diagnostic,
    ReleaseRequest,
    ReleaseResponse,
)
from meters.dlms.errors import FrameError
from meters.dlms.initiate import FULL_CONFORMANCE, Conformance

# Green Book, "APDU encoding examples": LN referencing, no ciphering, lowest level security.
AARQ = "601da109060760857405080101be10040e01000000065f1f0400007e1f04b0"
AARE = "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007c1f04000007"
# As sent by dlms-cosem 21.3.2 and by gurux, the former with a calling AP title.
DLMS_COSEM_AARQ = (
    "6029a109060760857405080101a60a040875746944ada4f9b8be10040e01000000065f1f040020525f0400"
)
GURUX_AARQ = "601da109060760857405080101be10040e01000000065f1f0400401e5d0400"
LOW_LEVEL_SECURITY_AARQ = (
    "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738"
    "be10040e01000000065f1f0400007e1f04b0"
)


def request(text):
    return apdu.parse_request(bytes.fromhex(text))


def response(text):
    return apdu.parse_response(bytes.fromhex(text))


class TestRequest:
    def test_is_written_like_the_example_of_the_standard(self):
        asked = AssociationRequest(conformance=Conformance.GET, max_pdu=0x04B0)

        assert asked.to_bytes().hex() == AARQ.replace("007e1f", "000010")

    @pytest.mark.parametrize(
        ("text", "max_pdu", "conformance"),
        [
            pytest.param(AARQ, 1200, 0x007E1F, id="standard"),
            pytest.param(DLMS_COSEM_AARQ, 1024, 0x20525F, id="dlms-cosem"),
            pytest.param(GURUX_AARQ, 1024, 0x401E5D, id="gurux"),
        ],
    )
    def test_is_read(self, text, max_pdu, conformance):
        asked = request(text)

        assert isinstance(asked, AssociationRequest)
        assert asked.max_pdu == max_pdu
        assert asked.conformance == conformance & FULL_CONFORMANCE
        assert asked.context == 1
        assert asked.mechanism == 0

    def test_skips_a_dedicated_key(self):
        key = "01" + "01" + "0401020304" + "00" + "00" + "065f1f0400007e1f04b0"
        text = "6022a109060760857405080101be150413" + key

        assert request(text).max_pdu == 1200

    def test_tells_the_mechanism_that_was_asked_for(self):
        assert request(LOW_LEVEL_SECURITY_AARQ).mechanism == 1
        assert request(LOW_LEVEL_SECURITY_AARQ).credential == b"12345678"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("6000", id="empty"),
            pytest.param(AARQ[:-2], id="cut short"),
            pytest.param(AARQ.replace("065f1f04", "055f1f04"), id="DLMS version 5"),
            pytest.param(AARQ.replace("5f1f", "5f1e"), id="no conformance"),
            pytest.param(AARQ.replace("608574", "608575"), id="not COSEM"),
        ],
    )
    def test_refuses(self, text):
        with pytest.raises(FrameError):
            request(text)


class TestResponse:
    def test_is_read(self):
        granted = response(AARE)

        assert granted.accepted
        assert granted.max_pdu == 0x0400
        assert granted.conformance == 0x7C1F & FULL_CONFORMANCE

    def test_is_written_like_the_example_of_the_standard(self):
        granted = AssociationResponse(conformance=Conformance.GET, max_pdu=0x0400)

        assert granted.to_bytes().hex() == AARE.replace("007c1f", "000010")

    def test_gives_the_reason_of_a_refusal(self):
        refused = AssociationResponse(1, Diagnostic.AUTHENTICATION_REQUIRED)

        read = apdu.parse_response(refused.to_bytes())

        assert not read.accepted
        assert (read.result, read.diagnostic) == (1, 14)

    def test_refuses_short_name_referencing(self):
        with pytest.raises(FrameError, match="logical-name"):
            response(AARE[:-4] + "fa00")


class TestRelease:
    def test_is_the_shortest_form_with_a_reason(self):
        assert ReleaseRequest().to_bytes().hex() == "6203800100"
        assert ReleaseResponse().to_bytes().hex() == "6303800100"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("6200", id="without a reason"),
            pytest.param("6203800100", id="gurux"),
            pytest.param("6215800100be10040e01000000065f1f040000521dffff", id="dlms-cosem"),
        ],
    )
    def test_is_read_with_or_without_user_information(self, text):
        assert request(text) == ReleaseRequest()
