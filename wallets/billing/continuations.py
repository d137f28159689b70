"""
How far a bill goes on by itself, kept with it: which of its lines grow while the day lasts.

The engine alone knows prices. Where it says that nothing but quantities of lines will grow
(`rates.continuation`), what they began with is kept, so that the next quarter hours can be added
to thousands of bills at once (`wallets.billing.carrying`) without asking it for each. Nothing is
kept of a bill that goes on in any other way.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

from django.db import connection

from quantify.quantities import kilo
from rates.continuation import Growing, continuation
from rates.engine import Bill as Priced
from rates.pricing import Terms
from rates.tariff import Tariff
from wallets.billing.bill_rows import ContinuationRow, GrowsRow
from wallets.billing.charges import Step
from wallets.billing.determinants import Usages
from wallets.billing.metered import Supply

DAY = timedelta(days=1)
LETTERS = "0123456789"
NO_LINE = "-"

# Any calendar that is written, added or deleted changes it; see `metered.RATES`.
CALENDARS = """
    SELECT bit_xor(uuid_hash_extended(id, (extract(epoch FROM updated_at) * 1000000)::bigint))
    FROM rates_tariffcalendar
"""


def calendars_state() -> int | None:
    """The state of all calendars; nothing without any."""
    with connection.cursor() as cursor:
        cursor.execute(CALENDARS)
        (state,) = cursor.fetchone()
        return None if state is None else int(state)


def of(
    made: Step,
    priced: Priced,
    supply: Supply,
    *,
    terms: Sequence[Terms],
    usage: Usages,
    calendars: int | None,
) -> ContinuationRow | None:
    """
    How a bill goes on today after a step to what was priced; None if the engine must be asked.
    """
    bill = made.bill
    if supply.since is not None or bill.charged_to is None or bill.charged_consumption is None:
        return None
    # Less than a cent leaves a bill with the lines that it was charged by.
    if (made.lines and not made.amount) or any(one.markup_percent for one in terms):
        return None
    today = next((one for one in terms if one.first_day < supply.priced_to <= one.end_day), None)
    growing = continuation(priced)
    if growing is None or today is None:
        return None
    letters = dict(
        zip(dict.fromkeys(one.band for one in growing if one.band), LETTERS, strict=False)
    )
    if any(one.band and one.band not in letters for one in growing):
        return None
    lines: list[GrowsRow | None] = [None] * len(priced.lines)
    for one in growing:
        quantity = kilo(priced.lines[one.line].quantity)
        lines[one.line] = _grows(one, quantity, usage.today(supply, today, one.band), letters)
    counted = [usage.counted(supply, one) for one in terms]
    row: ContinuationRow = {
        "state": sum(one.state or 0 for one in counted),
        "days_before": sum(one.days_before for one in counted),
        "before": sum(one.before for one in counted),
        "calendars": calendars,
        "lines": lines,
    }
    if letters:
        row["bands"] = _bands(today.tariff, supply.priced_to - DAY, letters)
    return row


def _grows(one: Growing, quantity: int, used: int, letters: Mapping[str, str]) -> GrowsRow:
    row: GrowsRow = {"base": quantity - used}
    if one.room is not None:
        row["most"] = quantity + one.room
    if one.band is not None:
        row["band"] = letters[one.band]
    return row


def _bands(tariff: Tariff, day: date, letters: Mapping[str, str]) -> str:
    """The letters of a day's quarter hours."""
    calendar, bands = tariff.calendar, tariff.time_of_use
    if calendar is None or bands is None:
        raise AssertionError("Only tariffs with a calendar have lines that grow by band.")
    return _lettered(calendar.band_slots(day, bands.holidays), tuple(letters.items()))


@lru_cache(maxsize=512)
def _lettered(slots: Sequence[str], letters: Sequence[tuple[str, str]]) -> str:
    letter = dict(letters)
    return "".join(letter.get(band, NO_LINE) for band in slots)
