"""Running the embedded servers in the foreground, alone or around a command."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from quantify.stack import slots
from quantify.stack.instance import AlreadyRunning, Instance, Urls
from quantify.stack.programs import dies_with_parent
from quantify.stack.quarters import Quarters
from quantify.stack.servers import SECONDS_TO_START, Servers
from quantify.stack.supervisor import StopRequested, Supervisor, complain, say

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
            say(f"The servers of {instance.home} run.")
            supervisor.wait_until(lambda: False)
        except StopRequested as request:
            say(str(request))
        finally:
            supervisor.stop()
    return 0


def erase(instance: Instance) -> int:
    """Delete the data of servers that do not run."""
    with instance.locked():
        Quarters.near(instance.home).erase()
    return 0


def run(instance: Instance, words: Sequence[str]) -> int:
    """
    Run a command with `DATABASE_URL` and `REDIS_URL` set; return its exit code.

    Servers already running for this instance are joined; otherwise they live as long as this
    command and those that join it.
    """
    servers = Servers(instance, given())
    if servers.quarters is None:
        return _completed(words, {})
    try:
        with instance.locked():
            return _run_alone(instance, servers, words)
    except AlreadyRunning:
        return _run_joined(instance, servers, words)


def _run_alone(instance: Instance, servers: Servers, words: Sequence[str]) -> int:
    supervisor = Supervisor(instance.log_directory, report=complain)
    supervisor.listen_to_signals()
    try:
        urls = servers.start(supervisor)
        instance.announce(urls)
        with slots.taken(instance.home) as slot:
            variables = servers.environment(servers.of_slot(slot, servers.complete(urls)))
            code = _attended(supervisor, words, variables)
        if slots.in_use(instance.home):
            complain("Other commands still use these servers; waiting for them.")
            supervisor.wait_until(lambda: not slots.in_use(instance.home))
    except StopRequested:
        return 128 + signal.SIGTERM
    else:
        return code
    finally:
        supervisor.stop()


def _run_joined(instance: Instance, servers: Servers, words: Sequence[str]) -> int:
    urls = servers.complete(instance.await_announcement(SECONDS_TO_START))
    with slots.taken(instance.home) as slot:
        return _completed(words, servers.environment(servers.of_slot(slot, urls)))


def _attended(supervisor: Supervisor, words: Sequence[str], variables: Mapping[str, str]) -> int:
    _leave_interrupts_to_the_command()
    with _command(words, variables) as command:
        try:
            supervisor.wait_until(lambda: command.poll() is not None)
        except StopRequested:
            command.terminate()
            command.wait(COMMAND_PATIENCE)
            raise
        finally:
            command.kill()
        return _exit_code(command)


def _completed(words: Sequence[str], variables: Mapping[str, str]) -> int:
    _leave_interrupts_to_the_command()
    with _command(words, variables) as command:
        command.wait()
        return _exit_code(command)


def _command(words: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        words,
        env={**os.environ, **variables},
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509
    )


def _exit_code(command: subprocess.Popen[bytes]) -> int:
    return command.returncode if command.returncode >= 0 else 128 - command.returncode


def _leave_interrupts_to_the_command() -> None:
    # The console sends Ctrl-C to both; the command decides, and its end is ours.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
