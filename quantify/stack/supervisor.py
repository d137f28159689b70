"""Keeps programs running, shows what matters of their output, and stops them in order."""

import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from quantify.stack.programs import Process, Program

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
HEALTHY_AFTER = 60.0
TICK = 0.1
HURRY = 0.3
VITAL_RESTARTS = 4


class GaveUp(Exception):
    """A program that everything depends on cannot be kept running."""


class StopRequested(Exception):
    """The person at the console, or the system, asked us to end."""


@dataclass
class _Kept:
    """A program under supervision, and how well it fares."""

    program: Program
    vital: bool = False  # the others cannot do without it
    process: Process | None = None
    failures: int = 0
    started_at: float = 0.0
    resume_at: float = 0.0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Say it where it does not mix with the output of a command."""
    sys.stderr.write(f"{text}\n")


@dataclass
class Supervisor:
    log_directory: Path
    report: Callable[[str], None] = say
    _kept: list[_Kept] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _stop_requested: signal.Signals | None = None

    def listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def keep(self, program: Program, *, vital: bool = False) -> None:
        """
        Start a program, and start it again whenever it ends by itself.

        A vital one that keeps ending is given up, and everything with it.
        """
        kept = _Kept(program, vital=vital)
        self._kept.append(kept)
        self._start(kept)

    def wait_until(self, condition: Callable[[], bool], *, timeout: float | None = None) -> bool:
        """
        Supervise until the condition holds; false if it did not within `timeout` seconds.

        :raises GaveUp: if an essential program keeps failing.
        :raises StopRequested: if a signal asked us to end.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not condition():
            if self._stop_requested:
                raise StopRequested(f"Stopping, as {self._stop_requested.name} asks.")
            if deadline is not None and time.monotonic() > deadline:
                return False
            self._pump(TICK)
            self._restart_what_ended()
        return True

    def complete(self, program: Program) -> int:
        """Run a program to its end beside the others and return its exit code."""
        process = self._open(program)
        try:
            self.wait_until(lambda: process.exit_code is not None)
        finally:
            if process.exit_code is None:
                process.kill()
            self._close(process)
        return process.exit_code or 0

    def stop(self) -> None:
        """
        Stop the last started first, and those vital to the others when the others have ended.

        Who does not end in time is hurried, then killed.
        """
        kept = [kept for kept in reversed(self._kept) if kept.process]
        self._kept.clear()
        for vital in (False, True):
            self._stop([each.process for each in kept if each.process and each.vital is vital])

    def _stop(self, processes: Sequence[Process]) -> None:
        for process in processes:
            process.ask_to_stop()
        patience = max((process.program.patience for process in processes), default=0)
        for process in self._running_after(patience, processes):
            process.hurry()
        for process in self._running_after(HURRY, processes):
            self.report(f"{process.program.name} did not stop in time and was killed.")
        for process in processes:
            process.kill()
            self._close(process)

    def _running_after(self, seconds: float, processes: Sequence[Process]) -> Sequence[Process]:
        deadline = time.monotonic() + seconds
        running = processes
        while running and time.monotonic() < deadline:
            self._pump(TICK / 5)
            running = [process for process in running if process.exit_code is None]
        return running

    def _request_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop_requested = signal.Signals(number)

    def _open(self, program: Program) -> Process:
        process = Process(program, self.log_directory / f"{program.name}.log")
        self._selector.register(process.output, selectors.EVENT_READ, process)
        return process

    def _start(self, kept: _Kept) -> None:
        kept.process, kept.started_at = self._open(kept.program), time.monotonic()

    def _close(self, process: Process) -> None:
        self._show(process)
        if process.output in self._selector.get_map():
            self._selector.unregister(process.output)
        process.close()

    def _pump(self, timeout: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout)
        for key, _ in self._selector.select(timeout):
            if not self._show(key.data):
                self._selector.unregister(key.fileobj)

    def _show(self, process: Process) -> bool:
        lines = process.read_lines()
        for line in filter(process.program.is_important, lines or []):
            self.report(f"{process.program.name} | {line}")
        return lines is not None

    def _restart_what_ended(self) -> None:
        now = time.monotonic()
        for kept in self._kept:
            if kept.process and kept.process.exit_code is not None:
                self._note_end(kept, now)
            elif kept.process is None and now >= kept.resume_at:
                self._start(kept)

    def _note_end(self, kept: _Kept, now: float) -> None:
        process, kept.process = kept.process, None
        assert process is not None  # noqa: S101
        process.kill()
        self._close(process)
        kept.failures = 1 if now - kept.started_at > HEALTHY_AFTER else kept.failures + 1
        name = kept.program.name
        if kept.vital and kept.failures > VITAL_RESTARTS:
            raise GaveUp(
                f"{name} ended {kept.failures} times; see {self.log_directory / name}.log."
            )
        pause = min(FIRST_PAUSE * 2 ** (kept.failures - 1), LONGEST_PAUSE)
        kept.resume_at = now + pause
        self.report(
            f"{name} ended with {process.exit_code}; starting it again in {pause:.0f} s "
            f"(see {self.log_directory / name}.log)."
        )
