"""`manage.py calculate_rates`: a bill on the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from rates.models import RateTable
from rates.tests.factories import RateTableFactory

pytestmark = pytest.mark.django_db

BLOCKS = [
    {
        "kind": "block",
        "blocks": [{"upto": "50", "price": "1.50"}, {"upto": None, "price": "3.00"}],
    }
]


@pytest.fixture
def table() -> RateTable:
    return RateTableFactory.create(name="Steps", version__components=BLOCKS)


def told(*words: str) -> str:
    out = StringIO()
    call_command("calculate_rates", *words, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("table")
class TestCalculate:
    def test_prints_each_line_markup_vat_and_total(self):
        text = told("Steps", "60", "--month", "2026-07", "--markup", "10")

        lines = [line.split()[-1] for line in text.splitlines()]
        # 50 kWh at 1.50 and 10 at 3.00, a tenth more, and 15 % VAT.
        assert lines == ["R75.00", "R30.00", "R10.50", "R17.33", "R132.83"]

    def test_goes_on_from_what_the_month_used(self):
        assert "R34.50" in told("Steps", "10", "--month", "2026-07", "--month-to-date", "50")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["Unknown", "10"], "Unknown"),
            (["Steps", "-1"], "zero or more"),
            (["Steps", "NaN"], "zero or more"),
            (["Steps", "much"], "no number"),
            (["Steps", "10", "--month", "July"], "no month"),
            (["Steps", "10", "--month", "1999-01"], "no prices"),
            (["Steps", "0.00001"], "decimals"),
        ],
    )
    def test_names_what_is_wrong(self, words: list[str], says: str):
        with pytest.raises(CommandError, match=says):
            told(*words)
