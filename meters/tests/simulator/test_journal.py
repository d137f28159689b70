import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from meters.dlms.simulator.fleet import Fleet
from meters.dlms.simulator.journal import (
    ClockSetting,
    Journal,
    JournalCorrupt,
    JournalInUse,
    RelayChange,
    RelayState,
)
from meters.tests.simulator.estate import DAY, EPOCH, Time, estate, fleet_at

CHANGE = RelayChange(100, EPOCH + timedelta(microseconds=7), RelayState.DISCONNECTED)
SETTING = ClockSetting(101, EPOCH, timedelta(seconds=-3, microseconds=5))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def open_journal(path):
    return Journal(path, fleet="WC001")


class TestJournal:
    def test_remembers_everything(self, path):
        with open_journal(path) as journal:
            journal.record_relay(CHANGE)
            journal.record_clock(SETTING)
            journal.keep(EPOCH)
            journal.keep(EPOCH + DAY)

        with open_journal(path) as journal:
            assert journal.relay_changes == [CHANGE]
            assert journal.clock_settings == [SETTING]
            assert journal.checkpoint == EPOCH + DAY

    @pytest.mark.parametrize("torn", [b'{"relay": "conn', b"\x00\x00", b'{"checkpoint": "2026"}'])
    def test_drops_a_torn_last_line_and_goes_on(self, path, torn):
        with open_journal(path) as journal:
            journal.record_relay(CHANGE)
        whole = path.read_bytes()
        path.write_bytes(whole + torn)

        with open_journal(path) as journal:
            assert path.read_bytes() == whole
            journal.keep(EPOCH)

        with open_journal(path) as journal:
            assert (journal.relay_changes, journal.checkpoint) == ([CHANGE], EPOCH)

    def test_starts_anew_where_only_a_torn_line_was(self, path):
        path.write_bytes(b'{"fle')

        with open_journal(path) as journal:
            assert journal.relay_changes == []

        assert path.read_bytes() == b'{"fleet": "WC001"}\n'

    @pytest.mark.parametrize("line", ["nonsense", "{}", '{"relay": "maybe"}', "7"])
    def test_refuses_a_damaged_line_before_the_last(self, path, line):
        path.write_text(f'{{"fleet": "WC001"}}\n{line}\n')

        with pytest.raises(JournalCorrupt):
            open_journal(path)

    def test_refuses_the_journal_of_another_fleet(self, path):
        open_journal(path).close()

        with pytest.raises(JournalCorrupt, match="WC001"):
            Journal(path, fleet="OG001")

    def test_is_written_by_one_process(self, path):
        with open_journal(path), pytest.raises(JournalInUse):
            open_journal(path)

    def test_reaches_the_disk_with_each_relay_change(self, path, monkeypatch):
        synced = []
        with open_journal(path) as journal:
            monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.read_bytes()))
            journal.keep(EPOCH)
            journal.record_relay(CHANGE)

        assert len(synced) == 1
        assert b"disconnected" in synced[0]


class TestRestart:
    def test_finds_the_fleet_as_it_was(self, tmp_path):
        time = Time(EPOCH + DAY + timedelta(minutes=3))
        plan = estate(2, planted={103: {"control_mode": 1}})
        fleet = fleet_at(plan, tmp_path, time)
        for device in (100, 103):
            fleet[device].disconnect()
        time.at += timedelta(hours=2)
        for device in (100, 103):
            fleet[device].reconnect()
        fleet[101].set_clock(time.at + timedelta(hours=1))
        time.at += timedelta(hours=2)
        before = [meter.profile(EPOCH, time.at) for meter in fleet]
        fleet.close()

        again = fleet_at(plan, tmp_path, time)

        assert [meter.profile(EPOCH, time.at) for meter in again] == before
        assert again[100].connected
        assert again[103].ready_for_reconnection
        assert again[101].now() == time.at + timedelta(hours=1)


FLEET_UNTIL_KILLED = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from meters.dlms.simulator.fleet import Fleet
from meters.tests.simulator.estate import estate

real = datetime.now(UTC)
fleet = Fleet.open(estate(2), Path(sys.argv[1]), speed=100000, behind=timedelta(days=40))
while True:
    fleet[100].disconnect()
    cut = fleet[100].now()
    fleet[100].reconnect()
    fleet[103].disconnect()
    at = fleet[100].now()
    registers = {m.logical_device: m.import_register(at) for m in fleet}
    told = {"cut": cut.isoformat(), "at": at.isoformat(), "registers": registers}
    print(json.dumps(told), flush=True)
    fleet[103].reconnect()
"""


class TestKill:
    def test_loses_no_switching_and_no_time(self, path):
        root = Path(__file__).parents[3]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-c", FLEET_UNTIL_KILLED, path],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in range(40)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
        process.wait()
        told += [json.loads(line) for line in rest if line.endswith("\n")]

        fleet = Fleet.open(estate(2), path, speed=100000, behind=timedelta(days=40))

        for seen in told:
            at = datetime.fromisoformat(seen["at"])
            assert fleet[100].now() >= at
            registers = {str(one.logical_device): one.import_register(at) for one in fleet}
            assert registers == seen["registers"]
