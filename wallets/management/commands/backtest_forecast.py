"""Tell how good the forecasts of past days were; see `wallets.forecasting.backtest`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from wallets.forecasting import backtest

HORIZONS = (1, 3)


class Command(BaseCommand):
    help = "Compare forecasts made for past days with what was charged then. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=7, help="past days to try (default: 7)")

    def handle(self, *_: Any, **options: Any) -> None:
        made = list(
            backtest.trials(until=timezone.now(), past_days=options["days"], horizons=HORIZONS)
        )
        for days in HORIZONS:
            score = backtest.score(days, made)
            if score is None:
                self.stdout.write(f"{days} d: no wallet had history and charges to compare.")
                continue
            self.stdout.write(
                f"{days} d: {score.trials} forecasts, {score.hit_percent:.1f} % of the charges "
                f"within low..high, median error R{score.median_error:.2f} "
                f"({score.median_error_percent:.1f} %), in sum {score.bias_percent:+.1f} %."
            )
