"""Collection and control of meters with passwords and keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from meters import keys
from meters.collecting import collection
from meters.control import requests, sending
from meters.dlms.ciphering import Keys
from meters.dlms.credentials import Mechanism
from meters.dlms.simulator.access import Access
from meters.models import Command, MeterAlert, MeterKeys, Reading
from meters.tests.dlms.standin import NOON, QUARTER, StandIn
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from meters.tests.simulated import serving_standins

KEYS = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
GIVEN = keys.Secrets("", KEYS.encryption.hex(), KEYS.authentication.hex())
WRONG = keys.Secrets("", "00" * 16, "11" * 16)

pytestmark = pytest.mark.django_db


@pytest.fixture
def standins():
    return [
        StandIn(101, access=Access(Mechanism.HIGH_GMAC, keys=KEYS), serial="E101"),
        StandIn(102, access=Access(Mechanism.LOW, password=b"12345678"), serial="E102"),
        StandIn(103, serial="E103"),
    ]


@pytest.fixture
def concentrator(standins):
    with serving_standins(*standins) as port:
        concentrator = ConcentratorFactory.create(port=port)
        for device in (101, 102, 103):
            meter = MeterFactory.create(
                estate=concentrator.estate, concentrator=concentrator, serial=f"E{device}",
                logical_device=device, maximum_per_interval=5000,
            )  # fmt: skip
            RegisterFactory.create(meter=meter)
        yield concentrator


def give(concentrator, device, given):
    keys.give(meter=concentrator.meters.get(logical_device=device), given=given)


def gather(concentrator, **asked):
    return collection.collect(concentrator_id=concentrator.pk, now=NOON, **asked)


def ask(concentrator):
    return requests.ask(
        meter_id=concentrator.meters.get(logical_device=101).pk,
        action="disconnect",
        reason="Credit is used up.",
        cause=Command.Cause.CREDIT,
        trace=[],
        requested_by=None,
        now=NOON,
    )


def send(command, now=NOON):
    return sending.send(command.pk, permit=lambda *_: sending.Verdict(), now=now)


def test_each_is_read_as_it_wants(concentrator, standins):
    give(concentrator, 101, GIVEN)
    give(concentrator, 102, keys.Secrets("12345678"))

    assert gather(concentrator).failures == {}

    assert Reading.objects.values("meter").distinct().count() == 3
    stored = MeterKeys.objects.get(level="high_gmac")
    assert stored.heard_counter == standins[0].access.counter.next - 1
    assert standins[0].access.heard.value < stored.next_counter


def test_a_wrong_key_is_told_and_not_tried_for_ever(concentrator, standins):
    give(concentrator, 101, WRONG)

    reasons = [gather(concentrator, serial="E101").failures["E101"] for _ in range(5)]

    assert all("CredentialsRefused" in reason for reason in reasons[:3])
    assert reasons[3:] == [keys.HELD] * 2
    assert standins[0].access.refusals == 3
    assert MeterAlert.objects.get(kind="meter_fault").message == keys.HELD

    give(concentrator, 101, GIVEN)
    assert gather(concentrator, serial="E101").failures == {}


def test_the_others_are_read_all_the_same(concentrator):
    give(concentrator, 101, WRONG)
    give(concentrator, 102, keys.Secrets("12345678"))

    assert list(gather(concentrator).failures) == ["E101"]


def test_after_a_restored_backup_the_counter_goes_on(concentrator, standins):
    give(concentrator, 101, GIVEN)
    standins[0].access.heard.value = 123_456

    assert "CredentialsRefused" in gather(concentrator, serial="E101").failures["E101"]
    assert MeterKeys.objects.get().refusals == 0
    assert gather(concentrator, serial="E101").failures == {}
    assert standins[0].access.heard.value > 123_456


def test_what_the_meter_repeats_is_refused(concentrator, standins):
    give(concentrator, 101, GIVEN)
    gather(concentrator, serial="E101")
    standins[0].access.counter.next = 1

    assert "NotGenuine" in gather(concentrator, serial="E101").failures["E101"]


def test_commands_are_sent_with_the_keys(concentrator, standins):
    give(concentrator, 101, GIVEN)

    sent = send(ask(concentrator))

    assert sent.state == "verified"
    assert not standins[0].connected
    assert MeterKeys.objects.get().heard_counter == standins[0].access.counter.next - 1


def test_refusals_of_commands_and_of_visits_count_together(concentrator, standins):
    give(concentrator, 101, WRONG)
    gather(concentrator, serial="E101")
    command = ask(concentrator)
    outcomes = [send(command, NOON + timedelta(minutes=late)).outcome for late in (0, 5, 10)]

    assert ["CredentialsRefused" in outcome for outcome in outcomes] == [True, True, False]
    assert keys.HELD in outcomes[2]
    assert gather(concentrator, serial="E101").failures == {"E101": keys.HELD}
    assert standins[0].access.refusals == 3
    assert MeterAlert.objects.get(kind="meter_fault").message == keys.HELD
    assert standins[0].connected


def test_a_command_goes_on_from_the_counter_that_the_meter_heard(concentrator, standins):
    give(concentrator, 101, GIVEN)
    standins[0].access.heard.value = 123_456
    command = ask(concentrator)

    assert "CredentialsRefused" in send(command).outcome
    assert MeterKeys.objects.get().refusals == 0
    assert send(command, NOON + timedelta(minutes=5)).state == "verified"


def test_a_command_between_the_begin_of_a_round_and_a_visit_spoils_neither(
    concentrator, standins, monkeypatch
):
    give(concentrator, 101, GIVEN)
    command, choose, sent = ask(concentrator), collection.targets_of, []

    def choose_and_send(*args, **asked):
        chosen = choose(*args, **asked)
        sent.append(send(command).state)
        return chosen

    monkeypatch.setattr(collection, "targets_of", choose_and_send)

    assert gather(concentrator, serial="E101").failures == {}
    assert sent == ["verified"]
    assert Reading.objects.exists()


def test_a_clock_is_set_with_keys_too(concentrator, standins):
    give(concentrator, 101, GIVEN)
    standins[0].at = NOON - QUARTER / 3

    summary = gather(concentrator, serial="E101")

    assert (summary.clocks_set, summary.failures) == (1, {})


def test_credentials_are_not_shown_with_their_target():
    target = replace(StandIn(101, access=Access(Mechanism.HIGH_GMAC, keys=KEYS)))

    assert KEYS.encryption.hex() not in repr(target)
    assert str(KEYS.encryption) not in repr(target)
