"""`manage.py decode_uplinks`: read kept LoRaWAN uplinks again, after a fault in a decoder."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from meters.models import LoraDevice
from meters.radio import decoding
from meters.radio.decoding import Outcome


class Command(BaseCommand):
    help = (
        "Read the kept uplinks of registered devices again. Nothing is recorded twice; "
        "what contradicts a stored reading is kept as a conflict."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="begin", type=_instant, help="Default: a day ago.")
        parser.add_argument("--to", dest="end", type=_instant, help="Up to but without; now.")
        parser.add_argument("--device", help="The EUI of one device; default: all.")

    def handle(
        self, *, begin: datetime | None, end: datetime | None, device: str | None, **_: Any
    ) -> None:
        now = timezone.now()
        begin, end = begin or now - timedelta(days=1), end or now
        devices = LoraDevice.objects.filter(meter__isnull=False).order_by("dev_eui")
        if device:
            devices = devices.filter(dev_eui=device.lower())
            if not devices:
                raise CommandError(f"No registered device has the EUI {device}.")
        total = Outcome()
        for one in devices:
            outcome = decoding.read_again(one.pk, begin=begin, end=end)
            self.stdout.write(f"{one.dev_eui}  {_words(outcome)}")
            total += outcome
        self.stdout.write(f"{len(devices)} devices: {_words(total)}")


def _words(outcome: Outcome) -> str:
    recorded = outcome.recorded
    return (
        f"{outcome.read} read, {outcome.unreadable} unreadable, {recorded.created} new readings, "
        f"{recorded.duplicates} known, {recorded.conflicts} conflicts"
    )


def _instant(text: str) -> datetime:
    """An instant with its offset; without one it is local time."""
    try:
        at = parse_datetime(text) or parse_datetime(f"{text}T00:00")
    except ValueError:
        at = None
    if at is None:
        raise CommandError(f"{text!r} is no instant: write 2026-07-01T08:00+02:00.")
    return at if at.tzinfo else timezone.make_aware(at)
