"""Bringing the whole product up, with stand-ins for its programs."""

import socket
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from quantify.stack import children, demo
from quantify.stack.instance import CHECKOUT, AlreadyRunning, Instance
from quantify.stack.programs import Program

STAND_IN = "import http.server, sys; http.server.test(bind='127.0.0.1', port=int(sys.argv[1]))"


@pytest.fixture
def _servers_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/quantify")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def use(monkeypatch: pytest.MonkeyPatch, *, prepare: str, serve: list[Program]) -> None:
    preparation = Program("migrate", ["/bin/sh", "-c", prepare])
    monkeypatch.setattr(children, "preparations", lambda _environment: [preparation])
    monkeypatch.setattr(children, "services", lambda *_, **__: serve)


@pytest.mark.usefixtures("_servers_given", "_signals_as_before")
class TestUp:
    def test_introduces_itself_when_the_web_answers_and_ends_on_ctrl_c(
        self,
        home: Path,
        port: int,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ):
        web = Program("web", [sys.executable, "-c", STAND_IN, str(port)])
        # Presses Ctrl-C once the web server has logged its first answer.
        watch = f"until grep -q GET {home}/log/web.log; do sleep 0.05; done; kill -INT $PPID"
        ctrl_c = Program("ctrl-c", ["/bin/sh", "-c", f"{watch}; sleep 60"])
        use(monkeypatch, prepare="exit 0", serve=[web, ctrl_c])

        demo.up(Instance.at(home), port=port)

        shown = capsys.readouterr().out
        assert f"Quantify runs at http://127.0.0.1:{port}/" in shown
        assert "password quantify-demo" in shown
        assert shown.endswith("Stopping, as SIGINT asks.\nStopped.\n")
        assert not (home / "postgres").exists()

    def test_shows_why_the_database_could_not_be_prepared(
        self, home: Path, port: int, monkeypatch: pytest.MonkeyPatch
    ):
        use(monkeypatch, prepare="echo no such table; exit 1", serve=[])

        with pytest.raises(demo.PreparationFailed, match="no such table"):
            demo.up(Instance.at(home), port=port)

    def test_is_refused_while_another_program_has_the_port(
        self, home: Path, port: int, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(demo, "PORT_PATIENCE", 0.1)
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()

            with pytest.raises(demo.PortInUse, match=f"Port {port} is taken"):
                demo.up(Instance.at(home), port=port)

    def test_is_refused_while_it_runs_already(self, home: Path, port: int):
        with Instance.at(home).locked(), pytest.raises(AlreadyRunning):
            demo.up(Instance.at(home), port=port)


class TestCommand:
    def test_starts_the_demo_in_the_checkout_on_the_port_given(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        calls = []
        monkeypatch.setattr(demo, "up", lambda instance, port: calls.append((instance, port)))

        call_command("up", port=8042)

        assert calls == [(Instance.at(CHECKOUT / "var"), 8042)]

    def test_says_in_a_sentence_why_it_cannot(self, monkeypatch: pytest.MonkeyPatch):
        def refuse(*_: object, **__: object) -> None:
            raise demo.PortInUse("Port 8000 is taken.")

        monkeypatch.setattr(demo, "up", refuse)

        with pytest.raises(CommandError, match="Port 8000 is taken"):
            call_command("up")


class TestChildren:
    def test_beat_is_started_last_and_so_stopped_first(self):
        names = [program.name for program in children.services({}, port=8000, var=Path("var"))]

        assert names == ["worker", "control", "web", "simulators", "beat"]

    def test_collect_often_unless_told_otherwise(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("COLLECTION_SECONDS", raising=False)
        assert children.settings()["COLLECTION_SECONDS"] == "30"

        monkeypatch.setenv("COLLECTION_SECONDS", "60")
        assert children.settings()["COLLECTION_SECONDS"] == "60"
