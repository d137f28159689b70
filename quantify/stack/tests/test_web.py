"""What several web processes counted is told as one, and of those that are gone nothing."""

import os
import subprocess
import sys

from quantify.stack import web

COUNT = """
import django
django.setup()
from quantify.api import metrics
for _ in range(3):
    metrics.REQUESTS.labels("GET", "api/v1/units", "200").observe(0.01)
"""
TELL = """
import django
django.setup()
from prometheus_client import generate_latest
from quantify.api import metrics
print(generate_latest(metrics.collected()).decode())
"""


def run(script, folder):
    environment = os.environ | {
        web.FOLDER: str(folder),
        "DJANGO_SETTINGS_MODULE": "quantify.settings.test",
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def counted(folder):
    [line] = [
        line
        for line in run(TELL, folder).splitlines()
        if line.startswith("quantify_request_seconds_count")
    ]
    return float(line.rsplit(" ", 1)[1])


class TestCounts:
    def test_are_those_of_all_processes(self, tmp_path):
        folder = web.emptied(tmp_path / "metrics")

        run(COUNT, folder)
        run(COUNT, folder)

        assert counted(folder) == 6

    def test_begin_anew_with_the_server(self, tmp_path):
        folder = web.emptied(tmp_path / "metrics")
        run(COUNT, folder)

        web.emptied(folder)
        run(COUNT, folder)

        assert counted(folder) == 3

    def test_leave_other_files_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")

        web.emptied(tmp_path)

        assert (tmp_path / "notes.txt").read_text() == "mine"
