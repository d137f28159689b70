"""`.env.example` against what the code reads."""

import re

from quantify.stack.instance import CHECKOUT

READ = re.compile(
    r"""(?:env\.\w+\(|os\.environ\.get\(|os\.environ\[)\s*["']([A-Z][A-Z0-9_]+)["']"""
)
LISTED = re.compile(r"^#? ?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def names_read() -> set[str]:
    modules = [
        *CHECKOUT.glob("quantify/settings/*.py"),
        *CHECKOUT.glob("quantify/stack/*.py"),
        *CHECKOUT.glob("quantify/stack/management/commands/*.py"),
    ]
    return {name for module in modules for name in READ.findall(module.read_text())}


class TestEnvExample:
    def test_lists_every_name_that_is_read_and_no_other(self):
        listed = LISTED.findall((CHECKOUT / ".env.example").read_text())
        compose = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}  # read by compose.yaml alone

        ours = names_read() - {"PYTEST_XDIST_WORKER"}  # set by the test runner

        assert set(listed) == ours | compose
        assert len(listed) == len(set(listed))
