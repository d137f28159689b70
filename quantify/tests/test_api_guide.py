"""The guide of the API is executed: its examples run as they stand, and print what it says."""

import contextlib
import io
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from accounts.tests.factories import UserFactory

BASH = "/bin/bash"
GUIDE = Path(settings.BASE_DIR, "docs", "api.md")
SERVER = "http://127.0.0.1:8000"
BLOCK = re.compile(r"```(sh|python)\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
END = "= the example ends here ="


def pattern(expected):
    """What an example prints, where `...` stands for anything."""
    return ".*".join(re.escape(part) for part in expected.strip().split("...")) + r"\s*"


class Shell:
    """One shell for all examples, so that each knows what those before have named."""

    def __init__(self):
        self.process = subprocess.Popen(  # noqa: S603  (our own guide)
            [BASH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self("shopt -s expand_aliases")

    def __call__(self, code):
        self.process.stdin.write(f"{code}\necho\necho '{END}'\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, f"{END}\n")
        return "".join(lines)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Interpreter:
    """One Python for all examples."""

    def __init__(self):
        self.names = {}

    def __call__(self, code):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"<{GUIDE.name}>", "exec"), self.names)  # noqa: S102  (our own guide)
        return printed.getvalue()


@pytest.fixture
def readers():
    shell = Shell()
    yield {"sh": shell, "python": Interpreter()}
    shell.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_examples_print_what_the_guide_says(live_server, readers):
    UserFactory.create(username="admin", password="quantify-demo")

    blocks = BLOCK.findall(GUIDE.read_text())
    assert len(blocks) >= 12
    for language, code, expected in blocks:
        printed = readers[language](code.replace(SERVER, live_server.url))
        assert re.fullmatch(pattern(expected), printed, re.DOTALL), f"{code}\nprinted:\n{printed}"
