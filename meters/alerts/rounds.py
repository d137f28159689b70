"""One round of alerts: what is silent, logged and found, what grew worse, and whom to tell."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from meters.alerts import escalation, following, logs, silence, telling
from meters.radio import silence as radio_silence

ONE_ROUND = 7_305_211
"""The key of the advisory lock that keeps a second round out."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to; all zero if another was under way."""

    is_skipped: bool = False
    silent: int = 0
    entries: int = 0
    findings: int = 0
    escalated: int = 0
    messages: int = 0


@transaction.atomic
def run(*, now: datetime) -> Round:
    """
    Bring all alerts up to date in one transaction.

    Found from the database alone: run late it catches up, run twice it changes nothing, and of two
    at once the second does nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_ROUND])
        if not cursor.fetchone()[0]:
            return Round(is_skipped=True)
    return Round(
        silent=silence.notice_silence(now=now) + radio_silence.notice_silence(now=now),
        entries=logs.notice(now=now),
        findings=following.follow(now=now),
        escalated=escalation.escalate(now=now),
        messages=telling.tell(now=now),
    )
