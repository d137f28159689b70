"""docs/vee.md says what the table of checks says."""

from pathlib import Path

from meters.vee.rules import CHECKS, EVERY_KIND, PARAMETERS, Check

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "vee.md"


def row(check: Check) -> str:
    kinds = "all" if check.kinds == EVERY_KIND else ", ".join(check.kinds)
    limits = "; ".join(
        f"`{one.name}` {one.default} {one.unit} ({one.lowest} to {one.highest}): {one.means}"
        for one in check.parameters
    )
    cells = (
        f"`{check.code}`", check.name, check.subject, kinds, check.outcome,
        "yes" if check.waits_for_a_person else "", limits, check.source,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def test_every_check_stands_in_the_document_as_it_is():
    told = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]

    assert told == [row(check) for check in CHECKS]


def test_every_default_lies_within_its_bounds():
    for key, one in PARAMETERS.items():
        assert one.lowest <= one.default <= one.highest, key
