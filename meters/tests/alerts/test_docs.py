"""docs/alerts.md says what the table of kinds says."""

from datetime import timedelta
from pathlib import Path

from meters.alerts.kinds import KINDS, Meaning
from meters.models import MeterAlert

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "alerts.md"
HOUR = timedelta(hours=1)


def row(kind: MeterAlert.Kind, one: Meaning) -> str:
    worse = "; ".join(
        f"{severity.label.lower()} after {age // HOUR} h" for age, severity in one.escalates
    )
    cells = (f"`{kind.value}`", kind.label, one.means, one.do, one.ends, worse)
    return f"| {' | '.join(cells)} |"


def test_every_kind_stands_in_the_document_as_it_is():
    told = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]

    assert told == [row(kind, one) for kind, one in KINDS.items()]
