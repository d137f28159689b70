"""
When a wallet's money runs out, from its last four weeks, its prices and its credit.

A forecast is an expectation with a low and a high estimate, or the reason why there is none.
Many wallets are read in the same number of queries as one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import batched
from uuid import UUID

from django.db.models import Sum

from quantify.money import ZERO, vat_percent_on
from quantify.periods import first_of_month, local_day, next_month
from rates.calendars import NoCalendar
from rates.components import InvalidComponents
from rates.engine import InvalidUsage, NoFreeAllocation, Usage
from rates.pricing import NoTariff, Place, PriceBook, Terms
from wallets.billing.determinants import Usages
from wallets.billing.metered import Supply
from wallets.forecasting import expectation, histories, runway
from wallets.forecasting.expectation import EXPECTED, HIGH, LOW, TooLittleHistory
from wallets.forecasting.histories import History, Source
from wallets.forecasting.runway import Clock, Course, Month
from wallets.models import Bill, Wallet
from wallets.pockets import pockets_of

HORIZON = timedelta(days=60)
SILENT_AFTER = timedelta(days=2)
WALLETS_AT_ONCE = 100
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
READ = (
    "available", "electricity", "water", "solar", "arrears", "unit__estate__time_zone",
    "unit__estate__solar_free_allocation_kwh", "unit__estate__settings__vat_registered",
)  # fmt: skip

type ChargedBy = Mapping[tuple[UUID, str, date], Decimal]


class NoForecast(Exception):
    """Nothing can be said of a wallet, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """
    When a wallet's credit reaches zero; no instant means: after more than `HORIZON`.

    `earliest_at` is with the use of a high day, `latest_at` with that of a low one (nine of ten
    days stay below or above). With a `reason` there is no forecast: the instants say nothing.
    """

    as_of: datetime
    expected_at: datetime | None = None
    earliest_at: datetime | None = None
    latest_at: datetime | None = None
    reason: str = ""

    @property
    def days_left(self) -> Decimal | None:
        """Days to the expected moment, in tenths."""
        if self.expected_at is None:
            return None
        days = (self.expected_at - self.as_of) / timedelta(days=1)
        return Decimal(days).quantize(Decimal("0.1"))


def of(wallet_id: UUID, *, now: datetime) -> Forecast:
    """The forecast of one wallet."""
    return of_many([wallet_id], now=now)[wallet_id]


def of_many(wallet_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Forecast]:
    """The forecasts of wallets, a hundred at a time."""
    return {
        wallet.pk: _forecast(wallet, known, now)
        for some in batched(wallet_ids, WALLETS_AT_ONCE, strict=False)
        for wallet, known in courses(some, now=now)
    }


def courses(
    wallet_ids: Iterable[UUID], *, now: datetime, charged: ChargedBy | None = None
) -> Iterator[tuple[Wallet, list[Course] | NoForecast]]:
    """
    What the utilities of wallets are going to cost, or why that cannot be said.

    `charged` tells what was charged by wallet, utility and month up to an instant of the past;
    without it the bills as they stand do.
    """
    rows = Wallet.objects.filter(pk__in=list(wallet_ids)).select_related("unit__estate__settings")
    wallets = {wallet.unit_id: wallet for wallet in rows.only(*READ)}
    if not wallets:
        return
    reader = _Reader(wallets, now=now, charged=charged)
    for wallet in wallets.values():
        try:
            yield wallet, reader.courses(wallet)
        except NoForecast as reason:
            yield wallet, reason


def _forecast(wallet: Wallet, known: Sequence[Course] | NoForecast, now: datetime) -> Forecast:
    if isinstance(known, NoForecast):
        return Forecast(as_of=now, reason=str(known))
    pockets = pockets_of(wallet)
    starts = known[0].clock.starts

    def emptied(level: int) -> datetime | None:
        hours = runway.hours_left(pockets, known, level, horizon=len(starts))
        # Charges may lag behind the meter: what is due since then is due now.
        return None if hours is None else max(now, starts[0] + hours * HOUR)

    try:
        return Forecast(
            as_of=now,
            expected_at=emptied(EXPECTED),
            earliest_at=emptied(HIGH),
            latest_at=emptied(LOW),
        )
    except (InvalidUsage, NoCalendar) as error:
        return Forecast(as_of=now, reason=str(error))


class _Reader:
    """What the forecasts of some wallets are made of, read at once."""

    def __init__(
        self, wallets: Mapping[UUID, Wallet], *, now: datetime, charged: ChargedBy | None
    ) -> None:
        self._now = now
        self._wallets = wallets
        self._history = histories.read(list(wallets), now=now)
        self._since = histories.supplied_since(wallets, now=now)
        first = first_of_month(local_day(now - SILENT_AFTER))
        self._charged = charged if charged is not None else _charged(wallets.values(), first)
        self._prices, self._reasons = self._priced(first)
        self._usages = Usages(
            [(supply, months[0]) for supply, months in self._prices.values()], now=now - TICK
        )
        self._clocks: dict[tuple[str, datetime], Clock] = {}

    def courses(self, wallet: Wallet) -> list[Course]:
        """
        The courses of all supplies of a wallet.

        :raises NoForecast: if one of them cannot be told.
        """
        sources = [source for source in self._since if source[0] == wallet.unit_id]
        if not sources:
            raise NoForecast("No meter is installed at the unit.")
        for source in sources:
            if source in self._reasons:
                raise NoForecast(self._reasons[source])
        start = min(self._history[source].until for source in sources)
        clock = self._clock(start, wallet)
        return [self._course(source, clock) for source in sources]

    def _course(self, source: Source, clock: Clock) -> Course:
        history = self._history[source]
        try:
            habit = expectation.habit(history.hours)
        except TooLittleHistory as error:
            raise NoForecast(f"Too little is known of the {source[1]}: {error}") from error
        uses = runway.uses(habit, clock, history.until)
        supply, months = self._prices[source]
        nothing = Usage.of_total(0)
        return Course(
            utility=source[1],
            clock=clock,
            months=[
                Month(
                    first_day=terms[0].first_day,
                    end_day=terms[-1].end_day,
                    parts=[
                        runway.part(
                            one, nothing if number else self._usages.of(supply, one), clock, uses
                        )
                        for one in terms
                    ],
                )
                for number, terms in enumerate(months)
            ],
            charged=sum(
                (
                    amount
                    for (wallet_id, utility, month), amount in self._charged.items()
                    if (wallet_id, utility) == (supply.wallet_id, supply.utility)
                    and month >= supply.month
                ),
                ZERO,
            ),
            vat_percent=supply.vat_percent,
        )

    def _clock(self, start: datetime, wallet: Wallet) -> Clock:
        zone = wallet.unit.estate.zone
        key = (zone.key, start)
        if key not in self._clocks:
            hours = -(-(self._now + HORIZON - start) // HOUR)
            self._clocks[key] = runway.clock(start.astimezone(zone), hours)
        return self._clocks[key]

    def _priced(
        self, first: date
    ) -> tuple[dict[Source, tuple[Supply, list[list[Terms]]]], dict[Source, str]]:
        """By supply its prices month by month through the horizon, or why it has none."""
        estates = {wallet.unit.estate_id for wallet in self._wallets.values()}
        book = PriceBook(estates=estates, first_day=first)
        prices: dict[Source, tuple[Supply, list[list[Terms]]]] = {}
        reasons: dict[Source, str] = {}
        for source, since in self._since.items():
            history = self._history.get(source)
            if history is None or history.until < self._now - SILENT_AFTER:
                reasons[source] = f"The {source[1]} meter was not read in the last two days."
                continue
            supply = self._supply(source, since, history)
            try:
                prices[source] = supply, list(self._months(book, supply))
            except (NoTariff, NoCalendar, InvalidComponents, NoFreeAllocation) as error:
                reasons[source] = str(error)
        return prices, reasons

    def _months(self, book: PriceBook, supply: Supply) -> Iterator[list[Terms]]:
        first, last = supply.first_day, local_day(self._now + HORIZON)
        while first <= last:
            end = next_month(first)
            yield book.terms(supply.place, supply.utility, first, end)
            first = end

    def _supply(self, source: Source, since: date, history: History) -> Supply:
        wallet = self._wallets[source[0]]
        estate = wallet.unit.estate
        month = first_of_month(local_day(history.until, estate.zone))
        today = local_day(self._now - TICK, estate.zone)
        return Supply(
            wallet_id=wallet.pk,
            place=Place(source[0], estate.pk, estate.solar_free_allocation_kwh),
            utility=source[1],
            month=month,
            first_day=max(month, since),
            end_day=next_month(month),
            priced_to=min(today + timedelta(days=1), next_month(month)),
            revision=0,
            vat_percent=vat_percent_on(month) if estate.settings.vat_registered else ZERO,
        )


def _charged(wallets: Iterable[Wallet], first: date) -> ChargedBy:
    # A month that a settlement cut has several bills.
    rows = Bill.objects.filter(wallet__in=list(wallets), month__gte=first)
    return {
        (wallet_id, utility, month): amount
        for wallet_id, utility, month, amount in rows.values_list(
            "wallet_id", "utility", "month"
        ).annotate(Sum("charged"))
    }
