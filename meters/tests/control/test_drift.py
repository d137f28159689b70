from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from meters.control import reconciliation
from meters.control.drift import Standing, assess
from meters.models import Command, Meter, MeterAlert, RelayDrift
from meters.tests.factories import (
    CommandFactory,
    LoraDeviceFactory,
    MeterFactory,
    NetworkServerFactory,
)
from quantify.ids import uuid7

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
READ_AT = NOW - timedelta(minutes=10)
ON = Standing(
    meter_id=uuid7(), relay_state="connected", relay_read_at=READ_AT, is_online=True
)  # fmt: skip


def after(relay, action, state):
    return replace(relay, last_action=action, last_state=state, last_at=NOW - timedelta(hours=1))


OFF = replace(ON, relay_state="disconnected")
READY = replace(ON, relay_state="ready")
UNKNOWN = replace(ON, relay_state="unknown")


class TestAssess:
    @pytest.mark.parametrize(
        "relay",
        [
            pytest.param(ON, id="on, and never cut"),
            pytest.param(after(ON, "reconnect", "verified"), id="on, as restored"),
            pytest.param(after(READY, "reconnect", "verified"), id="waits for the button"),
            pytest.param(after(OFF, "disconnect", "verified"), id="off, as cut"),
            pytest.param(after(OFF, "disconnect", "expired"), id="a late cut that worked"),
            pytest.param(after(ON, "disconnect", "dead"), id="a cut that was given up"),
            pytest.param(after(OFF, "reconnect", "sent"), id="under way"),
            pytest.param(after(UNKNOWN, "disconnect", "unknown"), id="being asked about"),
        ],
    )
    def test_finds_nothing_wrong(self, relay):
        assert assess(relay, now=NOW) is None

    @pytest.mark.parametrize(
        ("relay", "kind", "wanted", "remedy"),
        [
            pytest.param(OFF, "switched_off", "connected", "person", id="off, never cut"),
            pytest.param(
                after(OFF, "reconnect", "verified"), "switched_off", "connected", "person",
                id="off after it was restored",
            ),
            pytest.param(
                after(OFF, "reconnect", "dead"), "left_off", "connected", "reconnect",
                id="a reconnection that never arrived",
            ),
            pytest.param(
                after(OFF, "reconnect", "expired"), "left_off", "connected", "reconnect",
                id="a reconnection that was too late",
            ),
            pytest.param(
                after(ON, "disconnect", "verified"), "switched_on", "disconnected", "person",
                id="on after it was cut",
            ),
            pytest.param(
                after(READY, "disconnect", "verified"), "switched_on", "disconnected", "person",
                id="made ready by another head-end",
            ),
            pytest.param(UNKNOWN, "unknown", "connected", "read", id="contradicts itself"),
            pytest.param(
                replace(ON, relay_read_at=None), "unknown", "connected", "read", id="never read"
            ),
            pytest.param(
                replace(ON, relay_read_at=NOW - timedelta(minutes=61)), "unknown", "connected",
                "read", id="not read for long",
            ),
            pytest.param(
                replace(UNKNOWN, is_online=False), "unknown", "connected", "wait", id="silent"
            ),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong_and_what_is_done(self, relay, kind, wanted, remedy):
        drift = assess(relay, now=NOW)

        assert (drift.kind, drift.wanted, drift.remedy) == (kind, wanted, remedy)

    @pytest.mark.parametrize("action", [None, "disconnect", "reconnect"])
    @pytest.mark.parametrize("state", ["verified", "dead", "expired"])
    @pytest.mark.parametrize("relay", [ON, OFF, READY, UNKNOWN])
    def test_never_acts_towards_disconnected(self, relay, action, state):
        drift = assess(after(relay, action, state), now=NOW)

        assert drift is None or drift.remedy in {"reconnect", "read", "person"}


@pytest.fixture
def meter():
    return MeterFactory.create(
        behind_concentrator=True, relay_state="connected", relay_read_at=READ_AT,
        communication_status="online",
    )  # fmt: skip


def stands(meter, state):
    meter.relay_state = state
    meter.save()


@pytest.mark.django_db
class TestReconcile:
    def test_leaves_alone_what_stands_right(self, meter):
        outcome = reconciliation.reconcile(now=NOW)

        assert (outcome.drifts, outcome.requested) == ([], [])
        assert not RelayDrift.objects.exists()

    def test_raises_an_alert_of_what_somebody_else_switched_off(self, meter):
        stands(meter, "disconnected")

        for _ in range(2):
            outcome = reconciliation.reconcile(now=NOW)

        alert = MeterAlert.objects.get()
        assert (alert.kind, alert.severity) == ("disconnection", "error")
        assert outcome.requested == []
        assert RelayDrift.objects.standing().get().since == NOW

    def test_raises_an_alert_of_what_somebody_else_switched_on(self, meter):
        CommandFactory.create(meter=meter, state="verified")

        reconciliation.reconcile(now=NOW)

        assert MeterAlert.objects.get().kind == "tamper_detected"

    def test_ends_with_its_alert_when_it_stands_right_again(self, meter):
        stands(meter, "disconnected")
        reconciliation.reconcile(now=NOW)
        stands(meter, "connected")

        outcome = reconciliation.reconcile(now=NOW + timedelta(minutes=15))

        assert outcome.ended == 1
        assert RelayDrift.objects.get().ended_at == NOW + timedelta(minutes=15)
        assert MeterAlert.objects.get().state == "resolved"

    def test_asks_for_a_reconnection_that_never_arrived(self, meter):
        CommandFactory.create(meter=meter, action="reconnect", state="dead")
        stands(meter, "disconnected")

        (command,) = reconciliation.reconcile(now=NOW).requested

        assert (command.action, command.cause) == ("reconnect", "reconciliation")
        assert not MeterAlert.objects.exists()

    def test_reads_a_relay_that_is_not_known(self, meter):
        stands(meter, "unknown")

        (command,) = reconciliation.reconcile(now=NOW).requested
        again = reconciliation.reconcile(now=NOW).requested

        assert command.action == "read"
        assert again == [command]

    def test_waits_for_a_device_on_the_radio_as_long_as_for_its_silence(self, meter):
        stood = Meter.objects.filter(pk=meter.pk)
        stood.update(relay_read_at=NOW - timedelta(hours=5))
        server = NetworkServerFactory.create(estate=meter.estate)
        LoraDeviceFactory.create(
            server=server, meter=meter, model="uc300", offline_after_minutes=360
        )
        assert reconciliation.find(now=NOW) == []

        stood.update(relay_read_at=NOW - timedelta(minutes=361))
        assert [drift.kind for drift in reconciliation.find(now=NOW)] == ["unknown"]

    def test_does_not_disturb_what_is_under_way(self, meter):
        CommandFactory.create(meter=meter, action="reconnect", state="queued")
        stands(meter, "unknown")

        assert reconciliation.reconcile(now=NOW).requested == []

    def test_of_a_dry_run_changes_nothing(self, meter):
        stands(meter, "disconnected")

        assert len(reconciliation.find(now=NOW)) == 1
        assert not RelayDrift.objects.exists()
        assert not Command.objects.exists()
