"""Running commands with embedded servers around them."""

import signal
import sys

import pytest

from quantify.stack.tests.conftest import Stack, processes_in

ASK_BOTH = """
import os, psycopg, redis, sys
with psycopg.connect() as connection:
    name, checksums, fsync = connection.execute(
        "SELECT current_database(), current_setting('data_checksums'), current_setting('fsync')"
    ).fetchone()
queue = redis.Redis.from_url(os.environ["REDIS_URL"])
print(name, checksums, fsync, queue.config_get("appendonly")["appendonly"],
      queue.config_get("maxmemory-policy")["maxmemory-policy"], queue.ping())
sys.exit(7)
"""


class TestRun:
    def test_gives_the_command_durable_servers_and_returns_its_exit_code(self, stack: Stack):
        done = stack("run", "--", sys.executable, "-c", ASK_BOTH)

        assert done.out.split() == ["quantify_1", "on", "on", "yes", "noeviction", "True"]
        assert done.code == 7
        assert processes_in(stack.instance.home) == {}

    def test_joins_servers_that_run_with_a_database_of_its_own(self, stack: Stack):
        stack.serve()

        done = stack("run", "--", "sh", "-c", "echo $PGDATABASE $REDIS_URL; exit 3")

        assert done.out.startswith("quantify_1 redis://:")
        assert done.out.endswith("/16\n")
        assert done.code == 3
        assert stack.sql("SELECT 1 FROM pg_database WHERE datname = 'quantify_1'") == [(1,)]

    def test_starts_nothing_when_both_servers_are_given(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/quantify")
        monkeypatch.setenv("REDIS_URL", "redis://elsewhere/0")

        done = stack("run", "--", "sh", "-c", "echo $DATABASE_URL $REDIS_URL")

        assert done.out == "postgres://elsewhere/quantify redis://elsewhere/0\n"
        assert not (stack.instance.home / "postgres").exists()
        assert not (stack.instance.home / "valkey").exists()

    def test_starts_only_the_server_that_is_not_given(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("DATABASE_URL", "postgres://elsewhere/quantify")

        done = stack("run", "--", "sh", "-c", "echo $DATABASE_URL $REDIS_URL")

        assert done.out.startswith("postgres://elsewhere/quantify redis://:")
        assert not (stack.instance.home / "postgres").exists()
        assert (stack.instance.home / "valkey").exists()

    def test_without_a_command_says_how(self, stack: Stack):
        done = stack("run", "--")

        assert "run -- COMMAND" in str(done.code)


class TestServe:
    def test_is_refused_while_another_serves_the_same_data(self, stack: Stack):
        first = stack.serve()

        second = stack("serve")

        assert f"is in use by process {first.pid}" in second.err
        assert second.code == 1
        assert stack.sql("SELECT 1") == [(1,)]

    def test_ends_all_on_a_signal(self, stack: Stack):
        supervisor = stack.serve()
        assert len(processes_in(stack.instance.home)) >= 2

        supervisor.send_signal(signal.SIGTERM)

        assert supervisor.wait(5) == 0
        assert processes_in(stack.instance.home) == {}


@pytest.mark.slow
class TestBackground:
    def test_stays_up_until_it_is_stopped_and_erased(self, stack: Stack):
        assert stack("start").code == 0
        assert stack.sql("SELECT 1") == [(1,)]
        assert "export DATABASE_URL=postgres://quantify@//" in stack("env").out

        assert stack("stop").code == 0

        assert processes_in(stack.instance.home) == {}
        assert stack("erase").code == 0
        assert not (stack.instance.home / "postgres").exists()
        refused = stack("stop")
        assert "No servers run" in refused.err
        assert refused.code == 1
