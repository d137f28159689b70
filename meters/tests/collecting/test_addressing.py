"""The three ways to tell meters apart, each with real frames against the simulator."""

from datetime import timedelta

import pytest

from meters.collecting import collection
from meters.collecting.line import MeterAddress, NoAddress
from meters.control import requests, sending
from meters.forms import MeterForm
from meters.models import Command, Concentrator, Meter, Reading
from meters.tests.dlms.standin import NOON, StandIn
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from meters.tests.simulated import serving_standins

SINCE = timedelta(hours=2)

pytestmark = pytest.mark.django_db


def known(concentrator, serial="E101", **address):
    meter = MeterFactory.create(
        estate=concentrator.estate, concentrator=concentrator, serial=serial,
        maximum_per_interval=5000, **address,
    )  # fmt: skip
    RegisterFactory.create(meter=meter)
    return meter


def gather(concentrator):
    return collection.collect(
        concentrator_id=concentrator.pk, now=NOON, start=NOON - SINCE, end=NOON
    )


def values(meter):
    rows = Reading.objects.filter(meter=meter).order_by("taken_at")
    return [value // 1_000_000 for value in rows.values_list("value", flat=True)]


def cut(meter):
    command = requests.ask(
        meter_id=meter.pk,
        action="disconnect",
        reason="Credit is used up.",
        cause=Command.Cause.CREDIT,
        trace=[],
        requested_by=None,
        now=NOON,
    )
    return sending.send(command.pk, permit=lambda *_: sending.Verdict(), now=NOON).state


def test_wrapper_ports(db):
    with serving_standins(StandIn(101, serial="E101"), StandIn(102, serial="E102")) as port:
        concentrator = ConcentratorFactory.create(port=port)
        one, other = (
            known(concentrator, f"E{device}", logical_device=device) for device in (101, 102)
        )

        assert gather(concentrator).failures == {}
        assert cut(other) == "verified"

    assert set(values(one)) == {106}
    assert set(values(other)) == {107}


def test_gateway_prefixes(db):
    standins = StandIn(101, serial="E101"), StandIn(102, serial="E102")
    with serving_standins(*standins) as port:
        concentrator = ConcentratorFactory.create(
            port=port, addressing="gateway_prefix", network_id=3, connections=1
        )
        one, other = (
            known(concentrator, f"E{device}", gateway_address=f"{device:04x}")
            for device in (101, 102)
        )

        assert gather(concentrator).failures == {}
        assert cut(other) == "verified"

    assert (len(values(one)), set(values(one))) == (8, {106})
    assert (len(values(other)), set(values(other))) == (8, {107})
    assert [standin.connected for standin in standins] == [True, False]


def test_an_ipv6_address_for_each_meter(db):
    with serving_standins(StandIn(101, serial="E101"), host="::1", port_of_meter=1) as port:
        # The concentrator itself is not spoken to: what would be asked of it stays unanswered.
        concentrator = ConcentratorFactory.create(
            host="192.0.2.1", port=port, addressing="direct_ipv6"
        )
        meter = known(concentrator, ipv6_address="::1")

        assert gather(concentrator).failures == {}
        assert cut(meter) == "verified"

    assert (len(values(meter)), set(values(meter))) == (8, {106})


def test_one_unreachable_ipv6_meter_does_not_hold_up_the_others(db):
    with serving_standins(StandIn(101, serial="E101"), host="::1", port_of_meter=1) as port:
        concentrator = ConcentratorFactory.create(
            port=port, addressing="direct_ipv6", timeout_seconds=1
        )
        known(concentrator, ipv6_address="::1")
        # Discard-only addresses (RFC 6666): nobody is there.
        dead = known(concentrator, "E102", ipv6_address="100::1")

        summary = gather(concentrator)

    assert (summary.heard, list(summary.failures)) == (1, [dead.serial])


class TestLacks:
    @pytest.mark.parametrize(
        ("addressing", "words"),
        [
            ("wrapper_port", "wrapper port"),
            ("gateway_prefix", "behind this gateway"),
            ("direct_ipv6", "IPv6 address"),
        ],
    )
    def test_are_told(self, addressing, words):
        concentrator = Concentrator(addressing=addressing)

        with pytest.raises(NoAddress, match=words):
            MeterAddress.of(Meter(), concentrator)

    def test_are_told_of_a_meter_in_a_round(self):
        concentrator = ConcentratorFactory.create(addressing="gateway_prefix")
        meter = known(concentrator, logical_device=101)

        summary = gather(concentrator)

        assert summary.asked == 1
        assert "behind this gateway" in summary.failures[meter.serial]

    def test_are_told_in_the_form(self):
        concentrator = ConcentratorFactory.create(addressing="gateway_prefix")
        filled = {
            "estate": concentrator.estate_id,
            "serial": "E1",
            "kind": "electricity",
            "communication_type": "plc",
            "maximum_per_interval": 5760,
            "concentrator": concentrator.pk,
        }

        assert list(MeterForm(filled).errors) == ["gateway_address"]
        odd = MeterForm(filled | {"gateway_address": "65h"}).errors
        assert "hexadecimal" in str(odd)
        assert MeterForm(filled | {"gateway_address": "0065"}).is_valid()
