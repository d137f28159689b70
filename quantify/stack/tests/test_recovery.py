"""What is left after something was killed, and how the next start takes it."""

import os
import signal
import subprocess

import psycopg

from quantify.stack.accounts import for_servers
from quantify.stack.leftovers import servers_in
from quantify.stack.tests.conftest import Stack, processes_in, wait_until


def postmaster(stack: Stack) -> int:
    return int((stack.instance.home / "postgres/postmaster.pid").read_text().split("\n", 1)[0])


class TestKilledSupervisor:
    def test_takes_its_children_along_and_loses_nothing(self, stack: Stack):
        supervisor = stack.serve()
        stack.sql("CREATE TABLE kept AS SELECT 42 AS answer")

        supervisor.kill()

        wait_until(lambda: not processes_in(stack.instance.home), seconds=10)
        stack.serve()
        assert stack.sql("SELECT answer FROM kept") == [(42,)]

    def test_can_be_started_again_at_once(self, stack: Stack):
        supervisor = stack.serve()
        stack.sql("CREATE TABLE kept AS SELECT 42 AS answer")

        supervisor.kill()
        supervisor.wait()
        stack.serve()

        assert stack.sql("SELECT answer FROM kept") == [(42,)]


class TestKilledPostgres:
    def test_is_started_again_and_loses_nothing(self, stack: Stack):
        supervisor = stack.serve()
        stack.sql("CREATE TABLE kept AS SELECT 42 AS answer")
        killed = postmaster(stack)
        assert killed in servers_in(stack.instance.home / "postgres", "postgres")

        os.kill(killed, signal.SIGKILL)

        wait_until(
            lambda: servers_in(stack.instance.home / "postgres", "postgres") and _answers(stack)
        )
        assert postmaster(stack) != killed
        assert stack.sql("SELECT answer FROM kept") == [(42,)]
        assert supervisor.poll() is None


class TestStalePid:
    def test_of_another_program_neither_blocks_nor_kills(self, stack: Stack):
        assert stack("run", "--", "true").code == 0
        pid_file = stack.instance.home / "postgres/postmaster.pid"
        account = for_servers(pid_file.parent)
        innocent = subprocess.Popen(["/bin/sleep", "60"], **account.identity)
        pid_file.write_text(f"{innocent.pid}\n{pid_file.parent}\n")
        os.chown(pid_file, account.uid, account.gid)
        lock = stack.instance.home / "run/.s.PGSQL.5432.lock"
        lock.write_text(f"{innocent.pid}\n{pid_file.parent}\n")
        os.chown(lock, account.uid, account.gid)

        stack.serve()

        assert stack.sql("SELECT 1") == [(1,)]
        assert innocent.poll() is None
        innocent.kill()
        innocent.wait()


def _answers(stack: Stack) -> bool:
    try:
        return stack.sql("SELECT 1") == [(1,)]
    except psycopg.Error:
        return False
