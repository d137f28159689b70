"""
The demonstration checked from outside of its flow.

The truth is the simulator's own registers (its plan, and a copy of its journal). Against it stand
every meter's intervals, every bill, and every balance.
"""

import json
import shutil
import tempfile
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from meters.dlms.simulator.clock import SimulatedClock
from meters.dlms.simulator.fleet import Fleet, FleetPlan, journal_of
from meters.models import Meter
from quantify.demo.oracle import QUARTER, Month, price
from quantify.demo.stories import Story
from quantify.periods import next_month
from rates.calendar_files import PUBLISHED
from rates.models import Assignment, RateTable, RateTableVersion
from wallets.models import Bill

JOHANNESBURG = ZoneInfo("Africa/Johannesburg")
KILO = Decimal(1000)
LATE = timedelta(hours=2)


def findings(stories: Sequence[Story], simulators: Path) -> Iterator[str]:
    """Every difference between the demonstration's rows and the simulated registers, in words."""
    for story in stories:
        with tempfile.TemporaryDirectory() as folder:
            fleet = _fleet(simulators / f"{story.code}.json", Path(folder))
            truth = {one.serial: one for one in fleet}
            yield from _wrong_intervals(story, fleet, truth)
            yield from _wrong_bills(story, truth)
            fleet.close()
    yield from _wrong_money()


def _fleet(plan_file: Path, folder: Path) -> Fleet:
    """The fleet as its journal left it; a copy, since the running simulator holds its own."""
    plan = FleetPlan.load(plan_file)
    copied = folder / "copy.journal"
    journal = plan_file.with_suffix(".journal")
    if journal.exists():
        shutil.copy(journal, copied)
    opened = journal_of(plan, copied)
    clock = SimulatedClock.resume([opened], behind=timedelta(0))
    return Fleet(plan, clock, opened)


def _wrong_intervals(story: Story, fleet: Fleet, truth: dict[str, Any]) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT meter.serial, sum(interval.quantity), count(*), max(interval.start)
            FROM meters_interval AS interval JOIN meters_meter AS meter
                ON meter.id = interval.meter_id
            JOIN estates_estate AS estate ON estate.id = meter.estate_id
            WHERE estate.code = %s GROUP BY 1
            """,
            [story.code],
        )
        rows = cursor.fetchall()
    if len(rows) != len(fleet):
        yield f"{story.code}: {len(rows)} of {len(fleet)} meters have intervals."
    for serial, quantity, count, last in rows:
        meter, ends, epoch = truth[serial], last + QUARTER, fleet.plan.epoch
        used = meter.import_register(ends) - meter.import_register(epoch)
        if quantity != used or count != (ends - epoch) / QUARTER:
            yield f"{serial}: {count} intervals sum to {quantity}, its register says {used}."


def _wrong_bills(story: Story, truth: dict[str, Any]) -> Iterator[str]:
    calendars = json.loads(PUBLISHED.read_text(encoding="utf-8"))["calendars"]
    tables = {
        assignment.utility: assignment.rate_table
        for assignment in Assignment.objects.filter(estate__code=story.code, unit=None)
    }
    meters = Meter.objects.filter(estate__code=story.code, installations__unit__isnull=False)
    serials = {
        (unit, kind): (serial, last)
        for unit, kind, serial, last in meters.values_list(
            "installations__unit", "kind", "serial", "last_reading_at"
        )
        if last
    }
    bills = Bill.objects.filter(wallet__unit__estate__code=story.code)
    for bill in bills.select_related("wallet__unit__estate").order_by("wallet", "month"):
        serial, last = serials[bill.wallet.unit_id, bill.utility]
        free = bill.wallet.unit.estate.solar_free_allocation_kwh
        table = tables[bill.utility]
        versions = _versions(table, bill.month)
        if len(versions) != 1:
            unit = bill.wallet.unit
            yield f"{story.code} {unit} {bill}: not calculated, {table} has {len(versions)} prices."
            continue
        priced = partial(
            price,
            versions[0].components,
            free=free if bill.utility == "solar" else Decimal(0),
            calendars=calendars,
        )
        until = bill.charged_to or last
        # What a meter sends by radio is billed with what the next round of the others brings.
        ends = until if last - until < LATE else last
        expected = priced(_month(bill, truth[serial], ends))
        if expected != bill.charged:
            unit = bill.wallet.unit
            yield f"{story.code} {unit} {bill}: charged R{bill.charged}, expected R{expected}."


def _versions(table: RateTable, month: date) -> list[RateTableVersion]:
    """What a rate table asked for in a month; more than one only where somebody changed it."""
    ends = next_month(month)
    return [
        one
        for one in table.versions.filter(effective_from__lt=ends)
        if one.effective_to is None or one.effective_to > month
    ]


def _month(bill: Bill, meter: Any, last: datetime) -> Month:
    days = monthrange(bill.month.year, bill.month.month)[1]
    month_end = bill.month + timedelta(days=days)
    first_day = max(bill.month, _begun(bill))
    start, end = _midnight(bill.month), min(_midnight(month_end), last)
    return Month(
        first=bill.month,
        days=days,
        supplied_days=(month_end - first_day).days,
        charged_days=(bill.priced_to - first_day).days,
        quarters=_quarters(meter, max(start, _installed(bill)), end),
    )


def _quarters(meter: Any, start: datetime, end: datetime) -> list[tuple[datetime, Decimal]]:
    rows = meter.profile(start, end)
    return [
        (at.astimezone(JOHANNESBURG), Decimal(after - before) / KILO)
        for (at, _, before, _), (_, _, after, _) in pairwise(rows)
    ]


def _installed(bill: Bill) -> datetime:
    installation = bill.wallet.unit.installations.get(kind=bill.utility)
    begun: datetime = installation.starts_at
    return begun


def _begun(bill: Bill) -> date:
    return _installed(bill).astimezone(JOHANNESBURG).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=JOHANNESBURG)


def _wrong_money() -> Iterator[str]:
    """Balances against postings, charges against bills, and wallets' numbers without holes."""
    for what, query in CHECKS.items():
        with connection.cursor() as cursor:
            cursor.execute(query)
            for row in cursor.fetchall():
                yield f"{what}: {row}"


CHECKS = {
    "The postings do not add up to zero": """
        SELECT sum(amount) FROM (
            SELECT debit AS account, amount FROM wallets_posting
            UNION ALL SELECT credit, -amount FROM wallets_posting) AS sides
        HAVING sum(amount) <> 0
    """,
    "A wallet differs from its postings": """
        WITH sides AS (
            SELECT one.wallet_id, posting.credit AS account, posting.amount
            FROM wallets_posting AS posting
            JOIN wallets_transaction AS one ON one.id = posting.transaction_id
            UNION ALL
            SELECT one.wallet_id, posting.debit, -posting.amount
            FROM wallets_posting AS posting
            JOIN wallets_transaction AS one ON one.id = posting.transaction_id
        ), posted AS (
            SELECT wallet_id, sum(amount) FILTER (WHERE account = 1) AS available,
                sum(amount) FILTER (WHERE account = 2) AS electricity,
                sum(amount) FILTER (WHERE account = 3) AS water,
                sum(amount) FILTER (WHERE account = 4) AS solar,
                -sum(amount) FILTER (WHERE account = 9) AS arrears
            FROM sides GROUP BY 1
        )
        SELECT wallet.id FROM wallets_wallet AS wallet LEFT JOIN posted ON wallet_id = wallet.id
        WHERE (wallet.available, wallet.electricity, wallet.water, wallet.solar, wallet.arrears)
            <> (coalesce(posted.available, 0), coalesce(posted.electricity, 0),
                coalesce(posted.water, 0), coalesce(posted.solar, 0), coalesce(posted.arrears, 0))
    """,
    "A bill differs from its charges": """
        SELECT bill.id, bill.charged, sum(one.amount) FROM wallets_bill AS bill
        LEFT JOIN wallets_charge AS charge ON charge.bill_id = bill.id
        LEFT JOIN wallets_transaction AS one ON one.id = charge.transaction_id
        GROUP BY bill.id HAVING bill.charged <> coalesce(sum(one.amount), 0)
    """,
    "A wallet's sequence has a hole": """
        SELECT wallet.id FROM wallets_wallet AS wallet
        LEFT JOIN wallets_transaction AS one ON one.wallet_id = wallet.id
        GROUP BY wallet.id HAVING wallet.sequence <> count(one.id)
            OR wallet.sequence <> coalesce(max(one.sequence), 0)
    """,
}
