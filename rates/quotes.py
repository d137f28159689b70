"""What a given consumption would cost by a rate table: `calculate`."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from quantify.money import vat_percent_on
from quantify.periods import SOUTH_AFRICA, first_of_month, next_month
from rates import engine, pricing
from rates.models import RateTable
from rates.pricing import NoTariff
from rates.tariff import Tariff
from rates.usage import InvalidUsage, Usage


def calculate(  # noqa: PLR0913  (the fields of the request)
    *,
    table: RateTable,
    month: date,
    consumption: int | None = None,
    intervals: Sequence[tuple[datetime, int]] = (),
    month_to_date: int = 0,
    demand_va: int | None = None,
    markup_percent: Decimal = Decimal(0),
    zone: ZoneInfo = SOUTH_AFRICA,
) -> engine.Bill:
    """
    Price a month's consumption, in Wh or litres, by the version in force when the month ends.

    :raises rates.pricing.NoTariff: if there is none.
    :raises rates.engine.InvalidUsage: if the rate table needs to know more, or totals differ.
    """
    last = next_month(month) - timedelta(days=1)
    version = table.versions.on(last).select_related("rate_table").first()
    if version is None:
        raise NoTariff(f"The rate table has no prices on {last}.")
    tariff = pricing.tariff_of(version)
    if not tariff.knows(last):
        raise NoTariff(f"The calendar of the rate table has no hours or holidays on {last}.")
    usage = (
        _used(tariff, month, intervals, demand_va, zone)
        if intervals
        else Usage.of_total(consumption or 0, demand_va=demand_va)
    )
    if consumption is not None and usage.total != consumption:
        raise InvalidUsage("The intervals do not add up to the consumption.")
    return engine.bill_month(
        tariff,
        usage,
        month=month,
        markup_percent=markup_percent,
        month_to_date=month_to_date,
        vat_percent=vat_percent_on(first_of_month(month)),
    )


def _used(
    tariff: Tariff,
    month: date,
    intervals: Sequence[tuple[datetime, int]],
    demand_va: int | None,
    zone: ZoneInfo,
) -> Usage:
    local = [start.astimezone(zone).replace(tzinfo=None) for start, _ in intervals]
    if any((at.year, at.month) != (month.year, month.month) for at in local):
        raise InvalidUsage(f"Give intervals of {month:%B %Y} alone, by their local start.")
    starts = np.array(local, dtype="datetime64[us]")
    quantities = np.array([quantity for _, quantity in intervals], dtype=np.int64)
    return tariff.usage(starts, quantities, demand_va=demand_va)
