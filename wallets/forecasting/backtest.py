"""How good forecasts are: those of past days, against what was charged then."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from uuid import UUID

from django.db.models import Sum

from quantify.money import HUNDRED, ZERO
from quantify.periods import first_of_month, local_day, midnight
from wallets.forecasting import forecast
from wallets.forecasting.expectation import EXPECTED, HIGH, LOW
from wallets.forecasting.forecast import NoForecast
from wallets.models import Charge, Wallet

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one wallet was expected to be charged over some days, and what it was (rand)."""

    days: int
    low: Decimal
    expected: Decimal
    high: Decimal
    charged: Decimal

    @property
    def is_hit(self) -> bool:
        return self.low <= self.charged <= self.high


@dataclass(frozen=True, slots=True)
class Score:
    """How trials over the same number of days went; errors are relative to what was charged."""

    days: int
    trials: int
    hits: int
    median_error_percent: Decimal
    median_error: Decimal
    bias_percent: Decimal

    @property
    def hit_percent(self) -> Decimal:
        return HUNDRED * self.hits / self.trials


def trials(*, until: datetime, past_days: int, horizons: Iterable[int]) -> Iterator[Trial]:
    """
    Forecast from the beginning of each of some past local days, for all wallets.

    Yesterday is left out: some of its readings may still be on their way.
    """
    horizons = list(horizons)
    wallet_ids = list(Wallet.objects.order_by("pk").values_list("pk", flat=True))
    for number in range(past_days):
        day = local_day(until) - DAY * (number + max(horizons) + 1)
        yield from _of_day(wallet_ids, day, horizons)


def score(days: int, made: Iterable[Trial]) -> Score | None:
    """Sum up the trials over some days; None without any."""
    counted = [one for one in made if one.days == days and one.charged > 0]
    if not counted:
        return None
    errors = [abs(one.expected - one.charged) for one in counted]
    charged = sum((one.charged for one in counted), ZERO)
    expected = sum((one.expected for one in counted), ZERO)
    return Score(
        days=days,
        trials=len(counted),
        hits=sum(one.is_hit for one in counted),
        median_error=median(errors),
        median_error_percent=median(
            HUNDRED * error / one.charged for error, one in zip(errors, counted, strict=True)
        ),
        bias_percent=HUNDRED * (expected - charged) / charged,
    )


def _of_day(wallet_ids: list[UUID], day: date, horizons: list[int]) -> Iterator[Trial]:
    now = midnight(day)
    before = _charged_before(now)
    after = {days: _charged_within(now, now + DAY * days) for days in horizons}
    for wallet, known in forecast.courses(wallet_ids, now=now, charged=before):
        if isinstance(known, NoForecast):
            continue
        for days in horizons:
            hours = round((now + DAY * days - known[0].clock.starts[0]) / forecast.HOUR)
            low, expected, high = (
                sum((course.cost(hours, level) for course in known), ZERO)
                for level in (LOW, EXPECTED, HIGH)
            )
            yield Trial(days, low, expected, high, after[days].get(wallet.pk, ZERO))


def _charged_before(now: datetime) -> dict[tuple[UUID, str, date], Decimal]:
    """What was charged before an instant, by wallet, utility and month."""
    charges = Charge.objects.filter(
        bill__month__gte=first_of_month(local_day(now - forecast.SILENT_AFTER)),
        transaction__occurred_at__lt=now,
    )
    rows = charges.values_list("bill__wallet", "bill__utility", "bill__month")
    return {tuple(row[:3]): row[3] for row in rows.annotate(Sum("transaction__amount"))}


def _charged_within(start: datetime, end: datetime) -> dict[UUID, Decimal]:
    rows = Charge.objects.filter(
        transaction__occurred_at__gte=start, transaction__occurred_at__lt=end
    ).values_list("bill__wallet")
    return dict(rows.annotate(Sum("transaction__amount")))
