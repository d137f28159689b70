"""
What happened to a simulated fleet that its plan does not say, kept in a file of JSON lines.

The file is only appended to: relay changes (on disk before they are acknowledged), clocks that
were set, and checkpoints of the simulated time. Each line is written in one piece; a line that
was torn by a crash was never acknowledged, and is dropped when the file is opened again.
"""

import errno
import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


class JournalInUse(Exception):
    """Another process writes this journal."""


class JournalCorrupt(Exception):
    """A line other than the last cannot be read, or the journal is another fleet's."""


class RelayState(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    READY = "ready_for_reconnection"


@dataclass(frozen=True)
class RelayChange:
    device: int
    at: datetime
    state: RelayState


@dataclass(frozen=True)
class ClockSetting:
    """At an instant of the fleet's time a meter's clock was set, and runs so far off it since."""

    device: int
    at: datetime
    offset: timedelta


class Journal:
    """
    The record of one fleet, named by its code and epoch; one process may have it open.

    :raises JournalInUse: if another process has it open.
    :raises JournalCorrupt: if it is damaged before its last line or belongs to another fleet.
    """

    def __init__(self, path: Path, *, fleet: str) -> None:
        self.relay_changes: list[RelayChange] = []
        self.clock_settings: list[ClockSetting] = []
        self.checkpoint: datetime | None = None
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
            self._replay(fleet)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_relay(self, change: RelayChange) -> None:
        """Keep a change of a relay; it survives a power failure once this returns."""
        self._append({"relay": change.state, "device": change.device, "at": change.at.isoformat()})
        os.fsync(self._file)
        self.relay_changes.append(change)

    def record_clock(self, setting: ClockSetting) -> None:
        """Keep that a meter's clock was set."""
        self._append(
            {
                "clock": setting.offset // timedelta(microseconds=1),
                "device": setting.device,
                "at": setting.at.isoformat(),
            }
        )
        self.clock_settings.append(setting)

    def keep(self, checkpoint: datetime) -> None:
        """Keep the time until which the fleet's clock may have been read."""
        self._append({"checkpoint": checkpoint.isoformat()})
        self.checkpoint = checkpoint

    def close(self) -> None:
        os.close(self._file)

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        written = os.write(self._file, line)
        if written < len(line):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, "No room for a whole line", str(self._path))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JournalInUse(self._path) from error

    def _replay(self, fleet: str) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        os.ftruncate(self._file, len(whole))
        try:
            entries = [json.loads(line) for line in whole.splitlines()]
            if entries and entries[0]["fleet"] != fleet:
                raise JournalCorrupt(f"{self._path} belongs to {entries[0]['fleet']}.")
            for entry in entries[1:]:
                self._recall(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise JournalCorrupt(f"{self._path} holds a line that cannot be read.") from error
        if not entries:
            self._append({"fleet": fleet})
            self._sync_directory()

    def _recall(self, entry: dict[str, Any]) -> None:
        if "checkpoint" in entry:
            self.checkpoint = datetime.fromisoformat(entry["checkpoint"])
            return
        device, at = int(entry["device"]), datetime.fromisoformat(entry["at"])
        if "relay" in entry:
            self.relay_changes.append(RelayChange(device, at, RelayState(entry["relay"])))
        else:
            offset = timedelta(microseconds=entry["clock"])
            self.clock_settings.append(ClockSetting(device, at, offset))

    def _sync_directory(self) -> None:
        """A new file is only safe when its name is, too."""
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
