"""`manage.py collect`: read out meters now."""

import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from meters.collecting import collection
from meters.collecting.outcomes import Summary
from meters.collecting.rounds import Visit
from meters.models.devices import Concentrator, Meter

PROGRESS_EVERY = 25


def instant(text: str) -> datetime:
    """Read an ISO date or time; without a time zone it is local."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else timezone.make_aware(at)


class Command(BaseCommand):
    help = "Read out the meters of all concentrators, of one, or one meter."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concentrator", metavar="SERIAL")
        parser.add_argument("--meter", metavar="SERIAL")
        parser.add_argument("--from", dest="start", type=instant, help="Ask from here on (ISO).")
        parser.add_argument("--to", dest="end", type=instant, help="Ask up to here (ISO).")

    def handle(
        self,
        *,
        concentrator: str | None,
        meter: str | None,
        start: datetime | None,
        end: datetime | None,
        **_: Any,
    ) -> None:
        failed = False
        for found in _concentrators(concentrator, meter):
            self._began, self._done = time.monotonic(), 0
            summary = collection.collect(
                concentrator_id=found.pk,
                now=timezone.now(),
                serial=meter,
                start=start,
                end=end,
                told=self._progress,
            )
            self._tell(summary)
            failed = failed or bool(summary.failures)
        if failed:
            raise CommandError("Not every meter could be read.")

    def _progress(self, _: Visit) -> None:
        """Now and then, on the console, how far the round got."""
        self._done += 1
        if self._done % PROGRESS_EVERY == 0:
            passed = time.monotonic() - self._began
            self.stderr.write(f"  {self._done} meters after {passed:.0f} s ...")

    def _tell(self, summary: Summary) -> None:
        if summary.is_skipped:
            self.stdout.write(f"{summary.concentrator}: skipped, a round is under way.")
            return
        told = summary.recorded
        self.stdout.write(
            f"{summary.concentrator}: {summary.heard} of {summary.asked} meters answered"
            f" in {summary.seconds:.1f} s, {summary.clocks_set} clocks set,"
            f" {summary.events} new events.\n"
            f"  {told.created} readings ({told.invalid} invalid), {told.duplicates} known,"
            f" {told.conflicts} conflicts, {told.refused} refused;"
            f" {told.intervals} intervals, {told.days} days changed."
        )
        if summary.resting:
            rest = "meters rest" if summary.resting > 1 else "meter rests"
            self.stdout.write(f"  {summary.resting} {rest}, having failed before.")
        for serial, reason in summary.failures.items():
            self.stdout.write(f"  {serial}: {reason}")


def _concentrators(serial: str | None, meter: str | None) -> list[Concentrator]:
    """:raises CommandError: if there is none of that serial, or none reaches the meter."""
    chosen = Concentrator.objects.alive().order_by("serial")
    if serial is not None:
        chosen = chosen.filter(serial=serial)
    if meter is not None:
        chosen = chosen.filter(pk__in=Meter.objects.filter(serial=meter).values("concentrator"))
    if not chosen:
        raise CommandError("There is no such concentrator or meter.")
    return list(chosen)
