"""Bring up the whole product with its demo estate, and keep it up."""

import http.client
import socket
import time
from pathlib import Path

from quantify.stack import children
from quantify.stack.commands import given
from quantify.stack.instance import Instance
from quantify.stack.programs import Program
from quantify.stack.servers import Servers
from quantify.stack.supervisor import StopRequested, Supervisor, say

HOST = "127.0.0.1"
HEALTH = "/api/v1/health/live"
SECONDS_TO_ANSWER = 60.0
PORT_PATIENCE = 5.0
LAST_LINES = 20
LOGINS = {
    "admin": "everything",
    "manager": "runs the estates",
    "billing": "tariffs, wallets, payments",
    "viewer": "looks, changes nothing",
    "resident": "the own home A-101 at Willow Creek, through the API alone",
}
PASSWORD = "quantify-demo"  # noqa: S105 (the demo's, shown on its console)


class PreparationFailed(Exception):
    """The database could not be made ready."""


class PortInUse(Exception):
    """Another program listens where the web server would."""


def up(instance: Instance, *, port: int) -> None:
    """
    Run everything until a signal says to stop.

    :raises PreparationFailed: if the database cannot be migrated or seeded.
    :raises PortInUse: if the web server could not listen.
    """
    with instance.locked():
        supervisor = Supervisor(instance.log_directory)
        supervisor.listen_to_signals()
        try:
            _bring_up(supervisor, instance, port)
            supervisor.wait_until(lambda: False)
        except StopRequested as request:
            say(str(request))
        finally:
            supervisor.stop()
        say("Stopped.")


def _bring_up(supervisor: Supervisor, instance: Instance, port: int) -> None:
    began = time.monotonic()
    if not supervisor.wait_until(lambda: _is_free(port), timeout=PORT_PATIENCE):
        raise PortInUse(f"Port {port} is taken; choose another with PORT=8001 make dev.")
    environment = _start_servers(supervisor, instance) | children.settings()
    for program in children.preparations(environment):
        _prepare(supervisor, program)
    for program in children.services(environment, port=port, var=instance.home):
        supervisor.keep(program)
    if supervisor.wait_until(lambda: _answers(port), timeout=SECONDS_TO_ANSWER):
        _introduce(port, instance.log_directory, seconds=time.monotonic() - began)
    else:
        say(f"The web server does not answer yet; see {instance.log_directory / 'web.log'}.")


def _start_servers(supervisor: Supervisor, instance: Instance) -> dict[str, str]:
    servers = Servers(instance, given())
    embedded = servers.start(supervisor)
    instance.announce(embedded)
    return servers.environment(servers.complete(embedded))


def _prepare(supervisor: Supervisor, program: Program) -> None:
    say(f"{program.name} ...")
    if supervisor.complete(program) != 0:
        log = supervisor.log_directory / f"{program.name}.log"
        tail = "\n".join(log.read_text().splitlines()[-LAST_LINES:])
        raise PreparationFailed(f"{program.name} failed; the end of {log}:\n{tail}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", HEALTH)
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _introduce(port: int, logs: Path, *, seconds: float) -> None:
    address = f"http://{HOST}:{port}"
    say(f"\nQuantify runs at {address}/  (ready after {seconds:.1f} s; logs in {logs})")
    say(f"API: {address}/api/v1/docs")
    say(f"Sign in with the password {PASSWORD} as:")
    for login, may in LOGINS.items():
        say(f"  {login:<8} {may}")
    say("Ctrl-C stops everything.\n")
