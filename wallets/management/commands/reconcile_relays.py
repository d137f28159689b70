"""`manage.py reconcile_relays`: set all relays against how they should stand."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from meters.control import reconciliation
from meters.control.drift import Drift
from meters.models import Meter
from wallets.credit import control


class Command(BaseCommand):
    help = "List the relays that stand wrong, and do what may be done about them by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what stands wrong and would be done"
        )

    def handle(self, *_: Any, dry_run: bool, **__: Any) -> None:
        if dry_run:
            self._list(reconciliation.find(now=timezone.now()))
            return
        outcome = reconciliation.reconcile(now=timezone.now())
        self._list(outcome.drifts)
        for command in outcome.requested:
            sent = control.send(command.pk, now=timezone.now())
            self.stdout.write(f"{sent.meter.serial}: {sent} {sent.outcome}".rstrip())
        self.stdout.write(f"{outcome.begun} are new, {outcome.ended} stand right again.")

    def _list(self, drifts: Sequence[Drift]) -> None:
        serials = Meter.objects.in_bulk([drift.meter_id for drift in drifts])
        for drift in drifts:
            self.stdout.write(
                f"{serials[drift.meter_id]} should be {drift.wanted}, reads {drift.stands}: "
                f"{drift.says} {drift.remedy.label}"
            )
        self.stdout.write(f"{len(drifts)} relays stand wrong or are not known.")
