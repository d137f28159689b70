"""What units used, by day: of each utility, and of electricity in each estate."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum

from accounts.models import User
from meters.models import DailyConsumption, Meter, Register
from quantify.quantities import Utility

SHOWN_DAYS = 14
UNIT_METERS = (Meter.Kind.ELECTRICITY, Meter.Kind.WATER, Meter.Kind.SOLAR)
USED = (Register.Channel.IMPORT, Register.Channel.VOLUME)


@dataclass(frozen=True, slots=True)
class UtilityDays:
    """Wh or litres of a utility, on a day so far and on the whole day before."""

    utility: Utility
    today: int
    yesterday: int


@dataclass(frozen=True, slots=True)
class EstateDays:
    """Wh of electricity in an estate on each of the days."""

    estate: str
    quantities: Sequence[int]


@dataclass(frozen=True, slots=True)
class Consumption:
    days: Sequence[date]
    utilities: Sequence[UtilityDays]
    estates: Sequence[EstateDays]

    @property
    def is_empty(self) -> bool:
        return not any(any(estate.quantities) for estate in self.estates)


def recent(user: User, *, today: date, number: int = SHOWN_DAYS) -> Consumption:
    """The last days up to and including today, of meters at units; bulk meters count apart."""
    days = [today - timedelta(days=ago) for ago in reversed(range(number))]
    used: dict[tuple[str, str, date], int] = defaultdict(int)
    for estate, kind, day, quantity in _sums(user, days[0], today):
        used[estate, kind, day] += quantity
    estates = sorted({estate for estate, kind, _ in used if kind == Utility.ELECTRICITY})
    return Consumption(
        days=days,
        utilities=[_utility(used, utility, today) for utility in Utility],
        estates=[
            EstateDays(estate, [used[estate, Utility.ELECTRICITY, day] for day in days])
            for estate in estates
        ],
    )


def _sums(user: User, first: date, last: date) -> list[tuple[str, str, date, int]]:
    rows = DailyConsumption.objects.visible_to(user).filter(
        day__gte=first, day__lte=last, channel__in=USED, meter__kind__in=UNIT_METERS
    )
    groups = rows.order_by().values_list("meter__estate__code", "meter__kind", "day")
    return list(groups.annotate(quantity=Sum("quantity")))


def _utility(used: dict[tuple[str, str, date], int], utility: Utility, today: date) -> UtilityDays:
    def on(day: date) -> int:
        return sum(
            quantity
            for (_, kind, used_on), quantity in used.items()
            if kind == utility and used_on == day
        )

    return UtilityDays(utility, on(today), on(today - timedelta(days=1)))
