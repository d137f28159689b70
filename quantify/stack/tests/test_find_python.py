"""The script that finds an interpreter before anything is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantify.stack.instance import CHECKOUT

SCRIPT = CHECKOUT / "quantify/stack/find_python.sh"


def find(path: Path) -> subprocess.CompletedProcess[str]:
    system = ":".join(map(str, (path, "/usr/bin", "/bin")))
    return subprocess.run(  # noqa: S603
        ["/bin/sh", SCRIPT],
        env={**os.environ, "PATH": system, "HOME": str(path), "PYENV_ROOT": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def install(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """Stand-ins which exist and do not answer, as the shims of a version manager do."""
    for name in ("python3.12", "python3.13", "python3.14", "python3", "python", "uv"):
        install(tmp_path / name, "exit 127")
    return tmp_path


def works(python: str) -> bool:
    asked = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]
    return subprocess.run(asked, check=False).returncode == 0  # noqa: S603


class TestFindPython:
    def test_passes_over_shims_that_do_not_answer(self, bin_directory: Path):
        install(bin_directory / "python3", f'exec {sys.executable} "$@"')

        found = find(bin_directory)

        assert works(found.stdout.strip())
        assert found.returncode == 0

    def test_looks_into_the_folder_of_pyenv(self, bin_directory: Path):
        version = bin_directory / ".pyenv/versions/3.13.99/bin/python3"
        install(version, f'exec {sys.executable} "$@"')

        assert works(find(bin_directory).stdout.strip())

    def test_asks_uv_last(self, bin_directory: Path):
        install(bin_directory / "uv", f'[ "$2" = find ] && echo {sys.executable}')

        assert works(find(bin_directory).stdout.strip())

    def test_says_what_to_install_when_there_is_none(self, bin_directory: Path):
        found = find(bin_directory)

        assert found.stdout == ""
        assert "No Python 3.12 or newer" in found.stderr
        assert found.returncode == 1
