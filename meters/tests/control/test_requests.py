from datetime import UTC, datetime, timedelta

import pytest

from accounts.tests.factories import UserFactory
from meters.control import requests
from meters.control.requests import CommandOpen, NoRelay
from meters.models import Command
from meters.tests.factories import CommandFactory, MeterFactory

NOW = datetime(2026, 7, 1, 10, tzinfo=UTC)
DISCONNECT, RECONNECT, READ = (
    Command.Action.DISCONNECT,
    Command.Action.RECONNECT,
    Command.Action.READ,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(behind_concentrator=True)


def request(meter, action=DISCONNECT, now=NOW, **changes):
    asked = {"reason": "Credit is used up.", "cause": "credit", "trace": ["a"]} | changes
    return requests.ask(meter_id=meter.pk, action=action, requested_by=None, now=now, **asked)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


class TestAsk:
    def test_queues_a_command(self, meter):
        command = request(meter)

        assert (command.state, command.due_at) == ("queued", NOW)
        assert command.trace == ["a"]
        assert command.expires_at == NOW + timedelta(minutes=30)

    def test_a_reconnection_lives_for_a_day(self, meter):
        assert request(meter, RECONNECT).expires_at == NOW + timedelta(hours=24)

    def test_remembers_who_asked(self, meter):
        user = UserFactory.create()

        command = requests.ask(
            meter_id=meter.pk,
            action="disconnect",
            reason="Fire.",
            cause=Command.Cause.PERSON,
            trace=[],
            requested_by=user,
            now=NOW,
        )

        assert (command.requested_by, command.cause) == (user, "person")

    @pytest.mark.parametrize("kind", ["water", "bulk_water"])
    def test_water_is_never_closed(self, kind):
        with pytest.raises(NoRelay, match="never closed"):
            request(MeterFactory.create(kind=kind, has_relay=True))

        assert not Command.objects.exists()

    @pytest.mark.parametrize("lack", [{"has_relay": False}, {"control_mode": 0}])
    def test_needs_a_relay_that_can_be_switched(self, lack):
        with pytest.raises(NoRelay):
            request(MeterFactory.create(**lack))

        assert not Command.objects.exists()

    def test_asking_again_returns_what_is_under_way(self, meter):
        assert request(meter) == request(meter)

    @pytest.mark.parametrize("state", ["queued", "retrying"])
    def test_a_reconnection_supersedes_a_cut_that_has_not_left(self, meter, state):
        cut = CommandFactory.create(meter=meter, state=state)

        request(meter, RECONNECT)

        cut.refresh_from_db()
        assert cut.state == "superseded"
        assert Command.objects.open().get().action == "reconnect"

    @pytest.mark.parametrize("state", ["sent", "acknowledged", "unknown"])
    def test_a_cut_that_may_have_left_runs_its_course(self, meter, state):
        CommandFactory.create(meter=meter, state=state)

        with pytest.raises(CommandOpen):
            request(meter, RECONNECT)

        assert Command.objects.count() == 1

    def test_a_cut_does_not_supersede_a_reconnection(self, meter):
        request(meter, RECONNECT)

        with pytest.raises(CommandOpen):
            request(meter, DISCONNECT)

    @pytest.mark.parametrize("state", ["queued", "sent", "retrying"])
    @pytest.mark.parametrize("action", [DISCONNECT, RECONNECT])
    def test_a_question_gives_way(self, meter, state, action):
        question = CommandFactory.create(meter=meter, action=READ, state=state)

        request(meter, action)

        question.refresh_from_db()
        assert question.state == "superseded"
        assert Command.objects.open().get().action == action

    def test_a_question_waits_for_what_is_under_way(self, meter):
        request(meter, RECONNECT)

        with pytest.raises(CommandOpen):
            request(meter, READ)


class TestDue:
    def test_reconnections_go_first(self):
        cut, restore, late = (
            CommandFactory.create(action=action, due_at=after(seconds))
            for action, seconds in ((DISCONNECT, -60), (RECONNECT, 0), (RECONNECT, 1))
        )

        assert requests.due(NOW) == [restore.pk, cut.pk]
        assert requests.due(after(1)) == [restore.pk, late.pk, cut.pk]

    def test_leaves_out_what_is_closed(self):
        CommandFactory.create(state="verified")

        assert requests.due(NOW) == []
