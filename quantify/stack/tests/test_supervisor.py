"""Supervision, tried on small shell programs."""

import os
import time
from pathlib import Path

import pytest

from quantify.stack import supervisor as module
from quantify.stack.programs import Program
from quantify.stack.supervisor import GaveUp, StopRequested, Supervisor
from quantify.stack.tests.conftest import wait_until


def shell(name: str, script: str, **options: object) -> Program:
    return Program(name, ["/bin/sh", "-c", script], **options)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    supervisor = Supervisor(tmp_path, report=said.append)
    yield supervisor
    supervisor.stop()


class TestKeep:
    def test_starts_again_what_ended(self, supervisor: Supervisor, tmp_path: Path, said: list[str]):
        supervisor.keep(shell("brief", f"echo once >>{tmp_path}/count; exit 3"))

        count = tmp_path / "count"
        assert supervisor.wait_until(
            lambda: count.exists() and len(count.read_text().split()) == 3, timeout=10
        )
        log = tmp_path / "brief.log"
        assert said[0] == f"brief ended with 3; starting it again in 0 s (see {log})."

    def test_gives_up_on_what_cannot_be_kept_up(
        self, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(module, "VITAL_RESTARTS", 1)
        supervisor.keep(shell("vital", "exit 1"), vital=True)

        with pytest.raises(GaveUp, match="vital ended 2 times"):
            supervisor.wait_until(lambda: False, timeout=10)

    def test_shows_only_what_matters_and_logs_all(
        self, supervisor: Supervisor, tmp_path: Path, said: list[str]
    ):
        supervisor.keep(shell("talker", "echo fine; echo ERROR: not fine; sleep 60"))

        assert supervisor.wait_until(lambda: bool(said), timeout=10)
        assert said == ["talker | ERROR: not fine"]
        log = (tmp_path / "talker.log").read_text()
        assert log == "talker | fine\ntalker | ERROR: not fine\n"


class TestComplete:
    def test_returns_the_exit_code(self, supervisor: Supervisor):
        assert supervisor.complete(shell("seven", "exit 7")) == 7

    @pytest.mark.usefixtures("_signals_as_before")
    def test_stops_when_asked_to(self, supervisor: Supervisor):
        supervisor.listen_to_signals()

        with pytest.raises(StopRequested):
            supervisor.complete(shell("asks", f"kill -TERM {os.getpid()}; sleep 60"))


class TestStop:
    def test_takes_what_is_vital_last(self, supervisor: Supervisor, tmp_path: Path):
        order = tmp_path / "order"
        for name, delay in (("server", 0), ("user", 0.3)):
            farewell = f"trap 'sleep {delay}; echo {name} >>{order}; exit 0' TERM; echo up"
            program = shell(name, f"{farewell}; while :; do sleep 0.02; done")
            supervisor.keep(program, vital=name == "server")
        supervisor.wait_until(lambda: len(supervisor_logs(tmp_path)) == 2, timeout=10)

        supervisor.stop()

        assert order.read_text().split() == ["user", "server"]

    def test_kills_what_will_not_end_and_all_it_started(
        self, supervisor: Supervisor, tmp_path: Path, said: list[str]
    ):
        script = f"trap '' TERM QUIT; sleep 60 & echo $! >{tmp_path}/child; echo up; sleep 60"
        supervisor.keep(shell("stubborn", script, patience=0.1))
        supervisor.wait_until(lambda: supervisor_logs(tmp_path) == ["up"], timeout=10)
        began = time.monotonic()

        supervisor.stop()

        assert time.monotonic() - began < 2
        assert said == ["stubborn did not stop in time and was killed."]
        child = (tmp_path / "child").read_text().strip()
        wait_until(lambda: has_ended(child), seconds=5)


def has_ended(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def supervisor_logs(folder: Path) -> list[str]:
    """The last word of each log that has one."""
    return [text.split()[-1] for log in folder.glob("*.log") if (text := log.read_text())]
