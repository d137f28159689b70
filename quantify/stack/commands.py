"""Running the embedded servers in the foreground, alone or around a command."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from quantify.stack import slots
from quantify.stack.instance import AlreadyRunning, Instance, Urls
from quantify.stack.postgres import DATABASE, ROLE, Postgres
from quantify.stack.programs import dies_with_parent
from quantify.stack.servers import SECONDS_TO_START, Servers
from quantify.stack.supervisor import StopRequested, Supervisor, say

COMMAND_PATIENCE = 10.0


def given() -> Urls:
    """The servers somebody else runs, named by the environment."""
    return Urls(database=os.environ.get("DATABASE_URL", ""), redis=os.environ.get("REDIS_URL", ""))


def serve(instance: Instance) -> int:
    """Run the servers until a signal says to stop."""
    with instance.locked():
        supervisor = Supervisor(instance.log_directory)
        supervisor.listen_to_signals()
        try:
            instance.announce(Servers(instance, Urls()).start(supervisor))
            say(f"Ready. Data and logs: {instance.storage}, {instance.log_directory}")
            supervisor.wait_until(lambda: False)
        except StopRequested:
            say("Stopping.")
        finally:
            supervisor.stop()
    return 0


def run(instance: Instance, words: Sequence[str]) -> int:
    """
    Run a command with `DATABASE_URL` and `REDIS_URL` set; return its exit code.

    Servers already running for this instance are joined; otherwise they live as long as this
    command and those that join it.
    """
    wanted = given()
    if wanted.database and wanted.redis:
        return subprocess.run(words, check=False).returncode  # noqa: S603
    try:
        with instance.locked():
            return _run_with_servers(instance, wanted, words)
    except AlreadyRunning:
        return _run_joined(instance, wanted, words)


def environment(instance: Instance, urls: Urls) -> dict[str, str]:
    """What a program needs to reach the servers; `PG*` is for psql and its like."""
    variables = {
        "DATABASE_URL": urls.database,
        "TEST_DATABASE_URL": urls.database,
        "REDIS_URL": urls.redis,
    }
    if urls.database.startswith(Postgres(instance).url("")):
        variables |= {
            "PGHOST": str(instance.sockets),
            "PGUSER": ROLE,
            "PGDATABASE": urls.database.rsplit("/", 1)[1],
        }
    return variables


def _run_with_servers(instance: Instance, wanted: Urls, words: Sequence[str]) -> int:
    supervisor = Supervisor(instance.log_directory)
    supervisor.listen_to_signals()
    try:
        urls = Servers(instance, wanted).start(supervisor)
        instance.announce(urls)
        # Ctrl-C is for the command, which has the console; its end is ours.
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
        with slots.taken(instance.home) as slot:
            code = _attend(supervisor, words, environment(instance, _own(instance, urls, slot)))
        if slots.in_use(instance.home):
            say("Other commands still use these servers; waiting for them.")
            supervisor.wait_until(lambda: not slots.in_use(instance.home))
    except StopRequested:
        return 128 + signal.SIGTERM
    else:
        return code
    finally:
        supervisor.stop()


def _attend(supervisor: Supervisor, words: Sequence[str], variables: Mapping[str, str]) -> int:
    command = subprocess.Popen(  # noqa: S603
        words,
        env={**os.environ, **variables},
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
    )
    try:
        return supervisor.attend(command)
    except StopRequested:
        command.terminate()
        command.wait(COMMAND_PATIENCE)
        raise
    finally:
        command.kill()


def _run_joined(instance: Instance, wanted: Urls, words: Sequence[str]) -> int:
    urls = instance.await_announcement(SECONDS_TO_START)
    urls = Urls(database=wanted.database or urls.database, redis=wanted.redis or urls.redis)
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    with slots.taken(instance.home) as slot:
        variables = environment(instance, _own(instance, urls, slot))
        command = subprocess.Popen(words, env={**os.environ, **variables})  # noqa: S603
        return command.wait()


def _own(instance: Instance, urls: Urls, slot: int) -> Urls:
    """A database and a range of queue numbers nobody else uses just now."""
    postgres = Postgres(instance)
    if urls.database == postgres.url():
        name = f"{DATABASE}_{slot}"
        postgres.create_database(name)
        urls = Urls(database=postgres.url(name), redis=urls.redis)
    if urls.redis and urls.redis != given().redis:
        number = slot * slots.NUMBERS_PER_SLOT
        urls = Urls(database=urls.database, redis=f"{urls.redis.rsplit('/', 1)[0]}/{number}")
    return urls
