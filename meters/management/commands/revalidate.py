"""`manage.py revalidate`: judge stored readings anew and derive again what differs."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from meters.management.commands.collect import instant
from meters.models.devices import Meter
from meters.vee import revalidation


class Command(BaseCommand):
    help = "Validate the readings of a meter or an estate again; billing charges the difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--meter", metavar="SERIAL")
        chosen.add_argument("--estate", metavar="CODE")
        parser.add_argument("--from", dest="start", type=instant, required=True, help="ISO.")
        parser.add_argument("--to", dest="end", type=instant, help="ISO; now if left out.")

    def handle(
        self,
        *,
        meter: str | None,
        estate: str | None,
        start: datetime,
        end: datetime | None,
        **_: Any,
    ) -> None:
        now = timezone.now()
        end = end or now
        if end <= start:
            raise CommandError("Give an end after the start.")
        meters = Meter.objects.alive()
        meters = meters.filter(serial=meter) if meter else meters.filter(estate__code=estate)
        if not meters:
            raise CommandError("There is no such meter, or the estate has none.")
        ids = list(meters.order_by("pk").values_list("pk", flat=True))
        done = revalidation.revalidate(meter_ids=ids, first=start, last=end, now=now)
        self.stdout.write(
            f"{len(ids)} meters: {done.intervals} intervals and {done.days} days changed,"
            f" {done.overturned} readings turned out invalid."
        )
