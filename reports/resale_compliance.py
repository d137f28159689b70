"""
The resale check as a report of the portal: every bill against the licensee's rate table.

Its operation of the API stands for itself (`reports.api.resale`), for it tells of each month too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from quantify.quantities import Utility
from reports import resale_tables
from reports.report import Answer, Note, Question, Report
from reports.resale import ResaleCheck
from reports.resale_tables import COLUMNS, GroupBy

BOUGHT = (Utility.ELECTRICITY, Utility.WATER)
NO_REFERENCE = Note(
    "No licensed rate table is named for {utility} in this estate, so that nothing is compared. "
    "Name the rate table of the licensee whose prices hold there.",
    leads_to="admin:rates_referencetable_add",
    link_words="Name one",
    permission="rates.add_referencetable",
)
RUNNING = Note("{month:%B %Y} still runs: its figures are those so far.")


def answer(question: Question) -> Answer:
    """The bills of each month that the days touch, up to the one that runs."""
    last_day = min(question.last_day, question.now.astimezone(question.estate.zone).date())
    checks = resale_tables.over(
        estate=question.estate,
        first_day=question.first_day,
        last_day=last_day,
        utility=question.utility,
        now=question.now,
    )
    group_by = GroupBy(question.group_by)
    compared = [_compared(made) for made in checks]
    return Answer(
        rows=list(resale_tables.table(compared, group_by).rows),
        totals=resale_tables.totals(compared, group_by),
        notes=list(_notes(checks, question.utility)),
    )


def _compared(made: ResaleCheck) -> ResaleCheck:
    """What has a reference; of the rest the page says what to do."""
    with_one = [one for one in made.utilities if one.reference is not None]
    return replace(made, utilities=with_one)


def _notes(checks: Sequence[ResaleCheck], asked: Utility | None) -> Iterator[Note]:
    lacking = {one.utility for made in checks for one in made.utilities if one.reference is None}
    # Solar energy of the estate's own panels is bought from nobody: it is no resale unless asked.
    for utility in [asked] if asked else BOUGHT:
        if utility in lacking:
            yield NO_REFERENCE.about(utility=utility.value)
    for made in checks:
        if made.is_running:
            yield RUNNING.about(month=made.month)
    warnings = (text for made in checks for one in made.utilities for text in one.warnings)
    yield from (Note(text) for text in dict.fromkeys(warnings))


REPORT = Report(
    slug="resale-compliance",
    title="Resale compliance",
    says=(
        "Every bill, rated once more on the licensee's rate table: the same use, the same VAT. "
        "What was charged above it stands in the last columns. Bills are monthly: the months that "
        "the days touch are told whole."
    ),
    columns=COLUMNS,
    answer=answer,
)
