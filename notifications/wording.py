"""From a template to the words of a message."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from notifications.models import Template
from notifications.placeholders import SAMPLES, filled

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Words:
    """A message in the words of a template."""

    subject: str
    body: str
    short: str


def words(template: Template, values: Mapping[str, str]) -> Words:
    """A template with its placeholders replaced."""
    return Words(
        _one_line(filled(template.subject, values))[:LONGEST_SUBJECT],
        filled(template.body, values),
        _one_line(filled(template.short, values)),
    )


def sample(template: Template) -> Words:
    """A template as it might be read."""
    return words(template, SAMPLES.get(template.event, {}))


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Wordings:
    """The templates of some events, read once: an estate's own before the one of every estate."""

    def __init__(self, events: Iterable[str]) -> None:
        rows = Template.objects.filter(event__in=set(events))
        self._known = {(row.scope, row.event, row.language): row for row in rows}

    def find(self, event: str, scope: UUID | None, language: str) -> Template | None:
        """The closest one; in English where there is none in the language."""
        places = [(scope, language), (None, language), (scope, "en"), (None, "en")]
        found = (self._known.get((where, event, tongue)) for where, tongue in places)
        return next((template for template in found if template is not None), None)
