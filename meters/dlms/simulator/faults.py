"""What can be made to go wrong, for one meter or for all, while the simulator runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class FaultKind(StrEnum):
    """The ways a reply goes wrong."""

    SILENT = "silent"
    """The request is heard but not carried out, and not answered."""
    MUTE = "mute"
    """The request is carried out, but not answered."""
    CLOSE_MID_REPLY = "close_mid_reply"
    """Carried out; half of the reply is sent, then the connection is closed."""
    SEGMENTED = "segmented"
    """The reply arrives one octet per TCP segment."""
    REFUSE_ASSOCIATION = "refuse_association"
    GARBAGE = "garbage"
    """A frame with noise in the place of the reply."""
    LATE = "late"
    """The reply takes ``seconds`` longer."""


@dataclass(slots=True)
class Fault:
    """``meter`` None means every one; ``times`` None means until it is cleared."""

    kind: FaultKind
    meter: int | None = None
    times: int | None = None
    seconds: float = 0.0

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "Fault":
        """:raises ValueError: if the kind is unknown."""
        return cls(
            kind=FaultKind(entry["kind"]),
            meter=entry.get("meter"),
            times=entry.get("times"),
            seconds=float(entry.get("seconds", 0.0)),
        )


class FaultPlan:
    """The faults in force, in the order they were set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def set(self, kind: FaultKind, *, meter: int | None = None, **details: Any) -> Fault:
        """Put a fault in force: ``plan.set(FaultKind.SILENT, meter=101, times=3)``."""
        fault = Fault(kind, meter, **details)
        self._faults.append(fault)
        return fault

    def clear(self, meter: int | None = None) -> None:
        """End the faults of one meter, or all of them."""
        self._faults = [
            fault for fault in self._faults if meter is not None and fault.meter != meter
        ]

    def replace(self, faults: list[Fault]) -> None:
        self._faults = list(faults)

    def strike(self, meter: int) -> Fault | None:
        """The fault that hits this request, if any; counts it."""
        for fault in self._due(meter):
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def _due(self, meter: int) -> Iterator[Fault]:
        for fault in self._faults:
            if fault.meter in {None, meter} and (fault.times is None or fault.times > 0):
                yield fault


@dataclass(frozen=True, slots=True)
class Control:
    """A control file: ``{"delay": 0.2, "faults": [{"kind": "silent", "meter": 101}]}``."""

    delay: float | None
    faults: list[Fault]

    @classmethod
    def read(cls, path: Path) -> "Control":
        """:raises ValueError: if the file is no such JSON."""
        try:
            content = json.loads(path.read_text())
            delay = None if content.get("delay") is None else float(content["delay"])
            faults = [Fault.from_json(entry) for entry in content.get("faults", [])]
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a control file: {path}") from error
        return cls(delay, faults)
