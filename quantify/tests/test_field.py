"""
A day in the field: everything goes wrong between meters and database, and nothing is lost.

The simulated meters say what was used, the script who paid, and the witness at the socket which
orders left. After the lines have healed the product must agree with all three.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meters.control.exchange import Order
from meters.control.sending import Verdict
from meters.dlms.client import Line
from meters.dlms.wrapper import Frame
from meters.models import Command, Reading
from meters.vee.rules import Rule
from quantify.tests.faulty_line import Trouble
from quantify.tests.field.judgement import differences
from quantify.tests.field.play import QUARTER, Play
from quantify.tests.field.script import DAY, Day, cast
from quantify.tests.field.site import Site

SEED = 20260714
# Tuesday midnight in Johannesburg.
MIDNIGHT = datetime(2026, 7, 13, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def day(*, begins: float, hours: float, mail: float) -> Day:
    start = MIDNIGHT + begins * HOUR
    end = start + hours * HOUR
    # The switch is turned between two rounds: a time within one would not be that of the switch.
    inhibited = tuple(start + round(hours * 4 * part) * QUARTER for part in (0.45, 0.55))
    return Day(start - DAY, start, end, start + mail * HOUR, (inhibited,))


@contextmanager
def played(
    when: Day, folder: Path, *, homes: int, per_line: int, rounds: int = 8, seed: int = SEED
) -> Iterator[Play]:
    """A day that was played and healed."""
    site = Site(when, cast(when, homes=homes, seed=seed), folder=folder, per_line=per_line)
    play = Play(site, seed=seed)
    try:
        play.open(seed=seed)
        play.run()
        rules = Reading.objects.values_list("rules", flat=True)
        play.gaps_seen = sum(bool(one & Rule.GAP) for one in rules)
        play.heal(rounds=rounds)
        yield play
    finally:
        site.close()


def figures(play: Play, seconds: float) -> dict[str, object]:
    struck = sum((line.struck for line in play.site.lines.values()), start=Counter())
    return {
        "seed": SEED,
        "seconds": round(seconds),
        "connections": sum(line.connections for line in play.site.lines.values()),
        **play.witness.seen,
        "troubles": {trouble.value: struck[trouble] for trouble in Trouble},
        **play.count,
        "readings": play.recorded.created,
        "duplicates": play.recorded.duplicates,
        "gaps seen": play.gaps_seen,
        "orders": len(play.witness.orders),
        "cuts": sum(what == "disconnect" for _, _, what in play.witness.orders),
    }


def judge(play: Play, began: float) -> dict[str, object]:
    told = figures(play, time.monotonic() - began)
    sys.stdout.write(json.dumps(told, indent=1, default=str) + "\n")
    assert differences(play) == []
    return told


@pytest.mark.parametrize(("begins", "hours"), [(0, 24), (7, 6), (8, 4)])
def test_cuts_are_inhibited_from_one_round_to_another(begins, hours):
    ((since, until),) = day(begins=begins, hours=hours, mail=1).inhibited

    assert (since - MIDNIGHT) % QUARTER == (until - MIDNIGHT) % QUARTER == timedelta()
    assert until - since >= 2 * QUARTER


class TestDay:
    def test_of_24_meters_in_six_hours(self, tmp_path):
        began = time.monotonic()
        with played(
            day(begins=7, hours=6, mail=1), tmp_path, homes=24, per_line=6, rounds=5
        ) as play:
            told = judge(play, began)

        assert told["gaps seen"] > 0
        assert told["cuts"] > 0

    @pytest.mark.soak
    def test_of_500_meters_in_24_hours(self, tmp_path):
        began = time.monotonic()
        with played(day(begins=0, hours=24, mail=2), tmp_path, homes=500, per_line=50) as play:
            told = judge(play, began)

        assert all(told["troubles"].values())
        assert told["gaps seen"] > 0


def hand_to_everybody(line: Line, frame: Frame) -> None:
    """A fault: which meter a reply is from is not looked at."""
    for mailbox in line._mailboxes.values():
        mailbox.put(frame.apdu)


def order_blindly(action: Command.Action, command: Command, at: datetime, **_: bool) -> Order:
    """A fault: what may have left is sent again as if it had not."""
    return Order(action, act=True, read_first=False, command=command, at=at)


class TestPlantedFaults:
    """The day sees what it is there to see."""

    @pytest.mark.soak
    @pytest.mark.parametrize(
        ("place", "fault", "seen"),
        [
            pytest.param("meters.dlms.client.Line._hand_over", hand_to_everybody, "readings",
                id="any meter's reply"),
            pytest.param("wallets.credit.control.permit", lambda *_: Verdict(), "is left",
                id="guards asked once"),
            pytest.param("meters.control.sending.Order", order_blindly, "without reading",
                id="sent again blindly"),
        ],
    )  # fmt: skip
    def test_is_seen(self, place, fault, seen, monkeypatch, tmp_path):
        monkeypatch.setattr(place, fault)

        with played(
            day(begins=7, hours=6, mail=1), tmp_path, homes=24, per_line=6, rounds=5
        ) as play:
            found = differences(play)

        sys.stdout.write("\n".join(found[:20]) + "\n")
        assert any(seen in words for words in found)
