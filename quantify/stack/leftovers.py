"""What a killed run may leave behind: servers still ending, and pid files nobody answers for."""

import time
from pathlib import Path

PATIENCE = 30.0


class StillInUse(Exception):
    """A server of an earlier run does not let go of its data."""


def await_release(data: Path, server: str) -> None:
    """
    Wait until no server works in this directory; those of a killed run are told to end by the
    kernel, and take as long as they need to write what they hold.

    :raises StillInUse: if one goes on.
    """
    deadline = time.monotonic() + PATIENCE
    while holders := servers_in(data, server):
        if time.monotonic() > deadline:
            pid = min(holders)
            raise StillInUse(
                f"{data} is still in use by process {pid} of an earlier run; "
                f"stop it with `kill -INT {pid}`."
            )
        time.sleep(0.1)


def servers_in(data: Path, server: str) -> set[int]:
    """The processes of this server which work in this directory."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes().split(b"\0", 1)[0]
            if server.encode() in title and (process / "cwd").readlink() == data:
                found.add(int(process.name))
        except OSError:
            continue  # it has ended, or is none of ours
    return found


def forget_foreign_pid(file: Path) -> None:
    """
    Remove a pid file which names a living process; call it only when no server has the data.

    PostgreSQL refuses to start beside such a file, whatever the process is by now.
    """
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if Path(f"/proc/{pid}").exists():
        file.unlink()
