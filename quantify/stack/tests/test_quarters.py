"""Where the servers are put when their account cannot live in the checkout."""

import os
import pwd
from pathlib import Path

import pytest

from quantify.stack.quarters import LONGEST_SOCKET_PATH, SOCKET_NAME, NotReachable, Quarters
from quantify.stack.tests.conftest import Stack, as_root, processes_in


class TestNear:
    def test_is_the_home_when_the_account_can_enter_it(self, home: Path):
        quarters = Quarters.near(home)

        assert quarters.storage == home
        assert quarters.sockets == home / "run"
        assert not quarters.is_elsewhere

    def test_keeps_the_socket_path_short_enough(self, home: Path):
        deep = home / ("d" * 100)
        deep.mkdir()

        quarters = Quarters.near(deep)

        assert quarters.storage == deep
        assert len(os.fsencode(quarters.sockets / SOCKET_NAME)) <= LONGEST_SOCKET_PATH
        assert quarters.sockets.stat().st_mode & 0o777 == 0o700
        quarters.sockets.rmdir()

    @pytest.mark.skipif(not as_root(), reason="only root's servers run as somebody else")
    def test_runs_as_whoever_owns_the_data_already(self, home: Path):
        owner = pwd.getpwnam("daemon")
        (home / "postgres").mkdir()
        os.chown(home / "postgres", owner.pw_uid, owner.pw_gid)

        assert Quarters.near(home).account.name == "daemon"

    @pytest.mark.skipif(not as_root(), reason="only root's servers run as somebody else")
    def test_refuses_data_the_account_cannot_get_at(self, home: Path):
        (home / "postgres").mkdir()
        home.chmod(0o700)

        with pytest.raises(NotReachable, match="where the data lies"):
            Quarters.near(home)


class TestClosedHome:
    """A checkout below a folder which only its owner can enter."""

    @pytest.mark.usefixtures("_signals_as_before")
    def test_works_and_says_where_the_data_is(self, home: Path, capfd: pytest.CaptureFixture[str]):
        closed = home / "closed"
        closed.mkdir(mode=0o700)
        stack = Stack(closed / "var", capfd)

        done = stack("run", "--", "sh", "-c", "echo $PGHOST")

        quarters = Quarters.near(stack.instance.home)
        try:
            assert quarters.is_elsewhere == as_root()
            assert (f"keep their data in {quarters.storage}" in done.err) == as_root()
            assert (quarters.storage / "postgres/PG_VERSION").exists()
            assert done.out == f"{quarters.sockets}\n"
            assert processes_in(quarters.storage) == {}
        finally:
            quarters.erase()
        assert not (quarters.storage / "postgres").exists()

    def test_programs_are_copied_for_an_account_that_cannot_read_them(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("quantify.stack.binaries.Binaries.usable_by", lambda *_: False)

        programs = Quarters.near(home).binaries

        assert programs.postgres.is_relative_to(home)
        assert programs.postgres.stat().st_mode & 0o111
        assert Quarters.near(home).binaries == programs
