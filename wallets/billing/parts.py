"""
What the wallets of an estate pay for in a month: whole months, and the parts settlements left.

Made from the facts alone; the bill of each part is beside it, if there is one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from estates.models import Estate, EstateSettings
from quantify.money import vat_percent_on
from quantify.periods import local_day, midnight, next_month
from quantify.quantities import Utility
from rates.pricing import Place
from wallets.billing.metered import AT_UNITS, BILLED_CHANNELS, DAYS, Supply
from wallets.models import Bill, Settlement

MOMENT = timedelta(microseconds=1)

type BillKey = tuple[UUID, str, date | None]


@dataclass(frozen=True, slots=True)
class Part:
    """A supply of a month, whose it is, and what was billed for it."""

    supply: Supply
    unit_number: str
    bill: Bill | None

    @property
    def is_billed(self) -> bool:
        """Whether its bill was made from the facts as they are now."""
        bill = self.bill
        return (
            bill is not None
            and not bill.problem
            and bill.revision == self.supply.revision
            and bill.priced_to == self.supply.priced_to
        )


class _Span(NamedTuple):
    """The days of a month on which a unit had a meter of a utility."""

    wallet_id: UUID
    unit_id: UUID
    unit_number: str
    utility: str
    first_day: date
    end_day: date


SPANS = """
SELECT wallet.id, unit.id, unit.unit_number, installation.kind,
    greatest(%(month)s::date, min((installation.starts_at AT TIME ZONE estate.time_zone)::date)),
    least(%(end)s::date, max(coalesce(((installation.ends_at - interval '1 microsecond')
        AT TIME ZONE estate.time_zone)::date + 1, 'infinity')))
FROM meters_installation AS installation
JOIN units_unit AS unit ON unit.id = installation.unit_id
JOIN wallets_wallet AS wallet ON wallet.unit_id = unit.id
JOIN estates_estate AS estate ON estate.id = unit.estate_id
WHERE unit.estate_id = %(estate)s AND installation.kind = %(utility)s
    AND (installation.starts_at AT TIME ZONE estate.time_zone)
        < least(%(end)s::timestamp, %(now)s AT TIME ZONE estate.time_zone)
    AND (installation.ends_at IS NULL
        OR (installation.ends_at AT TIME ZONE estate.time_zone) > %(month)s::timestamp)
GROUP BY wallet.id, unit.id, installation.kind
ORDER BY unit.unit_number, unit.id
"""

REVISIONS = """
SELECT asked.number, coalesce(sum(days.revision), 0)::bigint
FROM unnest(%(units)s::uuid[], %(firsts)s::date[], %(ends)s::date[])
    WITH ORDINALITY AS asked (unit_id, first_day, end_day, number)
LEFT JOIN ({days}) AS days ON days.unit_id = asked.unit_id AND days.utility = %(utility)s
    AND days.day >= asked.first_day AND days.day < asked.end_day
GROUP BY asked.number ORDER BY asked.number
"""


def of_estate(estate: Estate, utility: Utility, month: date, *, now: datetime) -> list[Part]:
    """The parts of a month (its first day) of all units of an estate, in order of the units."""
    cut = [
        (span, since, first, end)
        for span, cuts in _spans(estate, utility, month, now)
        for since, first, end in _cut(span, cuts)
    ]
    revisions = _revisions(estate, utility, month, [(one[0].unit_id, *one[2:]) for one in cut], now)
    bills = _bills(estate, utility, month)
    vat = _vat_percent(estate, month)
    tomorrow = local_day(now, estate.zone) + timedelta(days=1)
    return [
        Part(
            supply=Supply(
                wallet_id=span.wallet_id,
                place=Place(span.unit_id, estate.pk, estate.solar_free_allocation_kwh),
                utility=utility,
                month=month,
                first_day=first,
                end_day=end,
                priced_to=min(tomorrow, end),
                revision=revision,
                vat_percent=vat,
                since=since,
                month_to_date=_used_before(bills, span, since),
            ),
            unit_number=span.unit_number,
            bill=bills.get((span.wallet_id, span.utility, since)),
        )
        for (span, since, first, end), revision in zip(cut, revisions, strict=True)
    ]


def end_of(month: date, estate: Estate, now: datetime) -> datetime:
    """The last moment of a month that has begun: no fact after it matters."""
    return min(now, midnight(next_month(month), estate.zone) - MOMENT)


def _spans(
    estate: Estate, utility: Utility, month: date, now: datetime
) -> Iterator[tuple[_Span, list[date]]]:
    end = next_month(month)
    cuts: dict[UUID, list[date]] = {}
    settled = Settlement.objects.filter(wallet__unit__estate=estate, ends_on__gt=month)
    rows = settled.filter(ends_on__lt=end).order_by("ends_on")
    for wallet_id, day in rows.values_list("wallet", "ends_on").distinct():
        cuts.setdefault(wallet_id, []).append(day)
    asked = {
        "estate": estate.pk, "utility": utility.value, "month": month, "end": end, "now": now,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(SPANS, asked)
        spans = [_Span(*row) for row in cursor.fetchall()]
    for span in spans:
        yield span, cuts.get(span.wallet_id, [])


def _cut(span: _Span, cuts: Sequence[date]) -> Iterator[tuple[date | None, date, date]]:
    """Where each part began by a cut, its first day, and the day after its last."""
    for since, until in pairwise([None, *cuts, None]):
        first = max(span.first_day, since or span.first_day)
        end = min(span.end_day, until or span.end_day)
        if first < end:
            yield since, first, end


def _revisions(
    estate: Estate,
    utility: Utility,
    month: date,
    asked: Sequence[tuple[UUID, date, date]],
    now: datetime,
) -> list[int]:
    if not asked:
        return []
    units, firsts, ends = (list(column) for column in zip(*asked, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            REVISIONS.format(days=DAYS.format(installed=AT_UNITS)),
            {
                "now": end_of(month, estate, now),
                "first_month": month,
                "channels": BILLED_CHANNELS,
                "units": units,
                "utility": utility.value,
                "firsts": firsts,
                "ends": ends,
            },
        )
        return [revision for _, revision in cursor.fetchall()]


def _bills(estate: Estate, utility: Utility, month: date) -> dict[BillKey, Bill]:
    bills = Bill.objects.filter(wallet__unit__estate=estate, utility=utility.value, month=month)
    return {(one.wallet_id, one.utility, one.since): one for one in bills.defer("lines")}


def _used_before(bills: dict[BillKey, Bill], span: _Span, since: date | None) -> int:
    """What the earlier parts of the month were billed for, in Wh or litres."""
    if since is None:
        return 0
    return sum(
        bill.consumption
        for (wallet_id, _, began), bill in bills.items()
        if wallet_id == span.wallet_id and (began is None or began < since)
    )


def _vat_percent(estate: Estate, month: date) -> Decimal:
    settings = EstateSettings.objects.filter(estate=estate).first()
    has_vat = settings is None or settings.vat_registered
    return vat_percent_on(month) if has_vat else Decimal(0)
