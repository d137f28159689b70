"""Running a simulated concentrator, and steering it from a file."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.concentrator import Concentrator
from meters.dlms.simulator.faults import Control
from meters.dlms.simulator.protocol import SimulatedMeter
from meters.dlms.wrapper import TCP_PORT

CONTROL_INTERVAL = 0.5

log = logging.getLogger(__name__)


async def serve(
    fleet: Iterable[SimulatedMeter],
    host: str = "127.0.0.1",
    port: int = TCP_PORT,
    *,
    delay: float = 0.0,
    behaviour: Behaviour | None = None,
    control: Path | None = None,
    started: Callable[[Concentrator, int], None] | None = None,
) -> None:
    """
    Serve the meters of a fleet until cancelled.

    ``delay`` is what each request takes, in seconds. ``control`` is a JSON file (see
    :class:`meters.dlms.simulator.faults.Control`) that is read again whenever it changes.
    ``started`` is called once with the concentrator and its port.
    """
    behaviour = behaviour or Behaviour()
    behaviour.delay = delay or behaviour.delay
    concentrator = Concentrator(fleet, behaviour)
    bound = await concentrator.start(host, port)
    if started is not None:
        started(concentrator, bound)
    try:
        await follow(concentrator, control)
    finally:
        await concentrator.stop()


async def follow(concentrator: Concentrator, control: Path | None) -> None:
    """Apply a control file each time it changes, for ever; without a file, just wait."""
    seen: float | None = None
    while True:
        if control is not None:
            changed = control.stat().st_mtime if control.exists() else None
            if changed != seen:
                seen = changed
                _apply(concentrator, control)
        await asyncio.sleep(CONTROL_INTERVAL)


def _apply(concentrator: Concentrator, path: Path) -> None:
    """A file that was removed ends all faults; one that cannot be read changes nothing."""
    try:
        settings = Control.read(path) if path.exists() else Control(None, [])
    except ValueError:
        log.warning("The control file %s was not understood; nothing changed.", path)
        return
    concentrator.faults.replace(settings.faults)
    if settings.delay is not None:
        concentrator.behaviour.delay = settings.delay
