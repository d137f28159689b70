"""What `make dev` runs beside the servers: change the demo's programs here."""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from signal import SIGKILL

from quantify.stack.instance import CHECKOUT
from quantify.stack.programs import Program
from quantify.stack.web import FOLDER

PYTHON = sys.executable
MANAGE = [PYTHON, str(CHECKOUT / "manage.py")]
CELERY = [PYTHON, "-m", "celery", "-A", "quantify"]
WEB = [PYTHON, "-m", "quantify.stack.web", "--workers=2", "--blocking-threads=4"]
EVERYTHING = r"\S"
NOTHING = r"(?!)"


def preparations(environment: Mapping[str, str]) -> Sequence[Program]:
    """What must succeed, in this order, before anything is served."""
    program = partial(Program, environment=environment, directory=CHECKOUT)
    migrate = [*MANAGE, "migrate", "--no-input", "--skip-checks"]
    return [
        program("migrate", migrate, important=NOTHING),
        program("seed", [*MANAGE, "seed_demo", "--skip-checks"], important=EVERYTHING),
    ]


def services(environment: Mapping[str, str], *, port: int, var: Path) -> Sequence[Program]:
    """What then keeps running, in the order it is started; it is stopped in reverse."""
    program = partial(Program, environment=environment, directory=CHECKOUT)
    worker = [*CELERY, "worker", "--loglevel=INFO", "--queues=quantify", "--concurrency=2"]
    control = [*CELERY, "worker", "--loglevel=INFO", "--queues=control", "--concurrency=1"]
    beat = [*CELERY, "beat", "--loglevel=INFO", f"--schedule={var}/beat.schedule", "--pidfile="]
    events = f"http://127.0.0.1:{port}/api/v1/integrations/chirpstack"
    return [
        # Orphaned, it would wait for a queue that is gone; what it had not finished stays there.
        program("worker", [*worker, "--hostname=work@%h"], orphan_signal=SIGKILL),
        program("control", [*control, "--hostname=control@%h"], orphan_signal=SIGKILL),
        _web(environment, port=port, var=var),
        program("simulators", [*MANAGE, "simulate_concentrator", "--all", f"--webhook={events}"]),
        program("beat", beat),
    ]


def _web(environment: Mapping[str, str], *, port: int, var: Path) -> Program:
    """The web server alone counts requests: only it is told of the folder."""
    command = [*WEB, f"--port={port}", "quantify.wsgi:application"]
    own = {**environment, FOLDER: str(var / "metrics")}
    return Program("web", command, environment=own, directory=CHECKOUT)


def settings() -> dict[str, str]:
    """What makes the product the demo; `COLLECTION_SECONDS` may be chosen by who starts it."""
    return {
        "DJANGO_SETTINGS_MODULE": "quantify.settings.dev",
        "COLLECTION_SECONDS": os.environ.get("COLLECTION_SECONDS", "30"),
        "PYTHONUNBUFFERED": "1",
    }
