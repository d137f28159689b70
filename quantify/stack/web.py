"""
Run the web server; its processes leave their counts in a folder, so that `/metrics` adds them up.

    python -m quantify.stack.web --workers=2 --port=8000 quantify.wsgi:application

The folder is `PROMETHEUS_MULTIPROC_DIR`, or one below `var/`. It is emptied at each start: a worker
that dies takes the server with it, so that what stands in it is of processes that live. No other
program may leave its counts there.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quantify.stack.instance import CHECKOUT

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def main(options: Sequence[str]) -> None:
    """Become the web server."""
    folder = emptied(Path(os.environ.get(FOLDER) or CHECKOUT / "var" / "metrics"))
    os.environ[FOLDER] = str(folder)
    server = [sys.executable, "-m", "granian", "--interface=wsgi", *options]
    os.execv(sys.executable, server)  # noqa: S606


def emptied(folder: Path) -> Path:
    """The folder without the counts of processes that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for counts in folder.glob("*.db"):
        counts.unlink()
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
