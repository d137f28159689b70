"""`docs/security.md` and the code: each file and test it names is there; no secret is."""

import re
import subprocess

import pytest

from quantify.stack.instance import CHECKOUT

TEXT = (CHECKOUT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`([\w./-]+\.(?:py|md|html|toml|yaml|example))(?:::([\w.:]+))?`")
SECRETS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of a cloud": re.compile(r"\b(?:AKIA|ghp_|xox[bp]-|sk_live_)[A-Za-z0-9]{12,}"),
    "a password in an address": re.compile(
        r"\w+://\w+:(?!\$|password@)[^\s@/{}$\"'<>]{6,}@(?!example)"
    ),
}
TAKEN_FROM_THE_ENVIRONMENT = ("SECRET_KEY", "EMAIL_PASSWORD", "METRICS_TOKEN", "DATABASE_URL")


def named() -> list[tuple[str, str]]:
    return sorted({(path, test) for path, test in NAMED.findall(TEXT)})


class TestNames:
    def test_are_many(self):
        assert len(named()) > 40

    @pytest.mark.parametrize(("path", "test"), named())
    def test_are_there(self, path, test):
        file = CHECKOUT / path
        assert file.is_file(), path
        for name in filter(None, test.split("::")):
            assert re.search(rf"(?:class|def) {name}\b", file.read_text()), f"{path}::{test}"


class TestSecrets:
    @pytest.mark.parametrize("what", SECRETS)
    def test_stand_in_no_file(self, what):
        git = ["git", "ls-files"]
        listed = subprocess.run(git, cwd=CHECKOUT, capture_output=True, text=True, check=True)  # noqa: S603
        for name in listed.stdout.splitlines():
            file = CHECKOUT / name
            if file.suffix in (".png", ".woff2", ".lock") or not file.is_file():
                continue
            found = SECRETS[what].search(file.read_text(errors="replace"))
            assert found is None or "/tests/" in name, f"{what} in {name}"

    @pytest.mark.parametrize("name", TAKEN_FROM_THE_ENVIRONMENT)
    def test_come_from_the_environment_alone(self, name):
        for settings in ("base", "prod"):
            text = (CHECKOUT / "quantify" / "settings" / f"{settings}.py").read_text()
            for line in text.splitlines():
                if re.match(rf"{name}\b.*=", line):
                    assert "env." in line, line
                assert not re.search(rf"{name}\", default=\"[^\"]", line), line
