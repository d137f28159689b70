"""A stretch of time that meters may be asked for anew."""

from datetime import datetime, timedelta

LONGEST = timedelta(days=31)


class NotAskable(ValueError):
    """Meters are not asked for such a stretch; says why."""


def check(start: datetime, end: datetime, *, now: datetime) -> None:
    """:raises NotAskable: if the stretch has not passed, is empty or is longer than 31 days."""
    if not start < end <= now:
        raise NotAskable("Give a stretch of time that has passed.")
    if end - start > LONGEST:
        raise NotAskable(f"Ask for {LONGEST.days} days at most.")
