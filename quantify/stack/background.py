"""Servers that stay up in the background, and how to find and stop them."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from quantify.stack.commands import given
from quantify.stack.instance import CHECKOUT, Instance, NotRunning
from quantify.stack.servers import SECONDS_TO_START, Servers
from quantify.stack.supervisor import say

SECONDS_TO_STOP = 15.0


def start(instance: Instance, place: Sequence[str]) -> int:
    """
    Start the servers unless they run, and return when they answer.

    :raises NotRunning: if they do not come up.
    """
    if not instance.is_held:
        with (instance.log_directory / "serve.log").open("a") as log:
            server = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "quantify.stack", *place, "serve"],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while not instance.is_held and server.poll() is None:
            time.sleep(0.1)
    instance.await_announcement(SECONDS_TO_START)
    say(f"The servers of {instance.home} run.")
    return 0


def stop(instance: Instance) -> int:
    """
    End the process that runs the servers, and wait for it.

    :raises NotRunning: if there is none.
    """
    if not instance.is_held:
        raise NotRunning(f"No servers run in {instance.home}.")
    holder = instance.holder
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_STOP
    while instance.is_held and instance.holder == holder:
        if time.monotonic() > deadline:
            say(f"Process {holder} has not stopped yet.")
            return 1
        time.sleep(0.1)
    return 0


def show_environment(instance: Instance) -> int:
    """Print `export` lines for a shell to evaluate."""
    servers = Servers(instance, given())
    urls = servers.complete(instance.await_announcement(SECONDS_TO_START))
    for name, value in servers.environment(urls).items():
        say(f"export {name}={shlex.quote(value)}")
    return 0
