"""One supervised program: how it is started, logged and stopped."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from quantify.stack.accounts import Account

PR_SET_PDEATHSIG = 1
LARGEST_LOG = 8 * 1024 * 1024  # bytes, looked at when a program starts
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run, and what its output means to a person at the console."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    directory: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = None  # when the supervisor is gone, if not the same
    patience: float = 2.8  # seconds to stop before it is hurried, then killed
    important: str = r"\b(ERROR|CRITICAL)\b"

    def is_important(self, line: str) -> bool:
        return re.search(self.important, line) is not None


class Process:
    """A running program. It dies with this process, however this process dies."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._log = _opened(log)
        self._partial = b""
        self._popen = subprocess.Popen(  # noqa: S603
            [str(word) for word in program.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=program.directory,
            env={**os.environ, **program.environment},
            process_group=0,  # Ctrl-C is for the supervisor, who stops the others in order.
            # Runs after the change of account, which would clear the request.
            preexec_fn=dies_with_parent(program.orphan_signal or program.stop_signal),  # noqa: PLW1509
            **(program.account.identity if program.account else {}),
        )
        os.set_blocking(self.output.fileno(), False)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def output(self) -> IO[bytes]:
        assert self._popen.stdout is not None  # noqa: S101
        return self._popen.stdout

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    def read_lines(self) -> list[str] | None:
        """Whole lines written since the last call, also logged; `None` at the end of output."""
        try:
            data = os.read(self.output.fileno(), 1 << 16)
        except BlockingIOError:
            return []
        *lines, self._partial = (self._partial + data).split(b"\n")
        if not data and self._partial:
            lines, self._partial = [self._partial], b""
        texts = [line.decode(errors="replace").rstrip() for line in lines]
        self._log.writelines(f"{self.program.name} | {text}\n" for text in texts)
        self._log.flush()
        return texts if data or texts else None

    def ask_to_stop(self) -> None:
        self._popen.send_signal(self.program.stop_signal)

    def hurry(self) -> None:
        """What PostgreSQL and Celery take as: end now, without waiting for work under way."""
        self._popen.send_signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End it and all it started at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def close(self) -> None:
        self.output.close()
        self._log.close()


def _opened(log: Path) -> IO[str]:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.rename(log.with_suffix(".log.1"))
    return log.open("a", encoding="utf-8")


def dies_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child calls to be sent this signal when its parent ends."""
    if _LIBC is None:
        return None
    prctl, parent = _LIBC.prctl, os.getpid()

    def request() -> None:
        prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os.kill(os.getpid(), stop_signal)

    return request
