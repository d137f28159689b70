"""Estates to bill in a benchmark: units with a meter and a tariff each, and what they used."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.test")
django.setup()

from django.db import connection, transaction  # noqa: E402

from estates.registration import register  # noqa: E402
from meters import partitions  # noqa: E402
from meters.models import Installation, Meter, Register  # noqa: E402
from rates.models import Assignment, RateTable, RateTableVersion  # noqa: E402
from units.models import Unit  # noqa: E402
from wallets import ledger, topups  # noqa: E402
from wallets.models import Wallet  # noqa: E402

SINCE = date(2026, 1, 1)
INSTALLED = datetime(2026, 5, 31, 22, tzinfo=UTC)
"""Local midnight: the registers begin at nothing with the month of June."""

AT_ONCE = 5_000
LEAST_WH = 100
TARIFFS: dict[str, list[dict[str, object]]] = {
    "flat": [{"kind": "energy", "price": "2.3456"}, {"kind": "fixed_per_day", "price": "7.80"}],
    "blocks": [
        {
            "kind": "block",
            "blocks": [{"upto": "350", "price": "2.1234"}, {"upto": "600", "price": "2.4567"},
                       {"upto": None, "price": "2.9876"}],
        },
        {"kind": "fixed_per_month", "price": "235.79"},
    ],
    "time of use": [
        *(
            {"kind": "time_of_use", "calendar": "eskom", "season": season,
             "prices": {"peak": "7.0697", "standard": "2.1631", "off_peak": "1.5926"}}
            for season in ("high", "low")
        ),
        {"kind": "fixed_per_month", "price": "235.79"},
    ],
}  # fmt: skip

# Every meter counts the same in each quarter hour, each another amount: what register, interval
# and day say agrees without adding anything up. Readings stand at midnight and at the end.
USED = """
CREATE TEMPORARY TABLE used AS
SELECT meter_id, {least} + (row_number() OVER (ORDER BY meter_id) * 37) %% 400 AS wh
FROM meters_installation
"""
INTERVALS = """
INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
SELECT meter_id, 1, start, wh, 'actual' FROM used
CROSS JOIN generate_series(%(first)s, %(last)s - interval '15 minutes', interval '15 minutes')
    AS start
ORDER BY meter_id, start
"""
READINGS = """
INSERT INTO meters_reading (meter_id, channel, taken_at, value)
SELECT meter_id, 1, taken_at,
    wh * (extract(epoch FROM taken_at - %(installed)s)::bigint / 900)
FROM used
CROSS JOIN (SELECT generate_series(%(first)s, %(last)s, interval '1 day')
    UNION SELECT %(last)s) AS instants (taken_at)
ORDER BY 1, 3
ON CONFLICT DO NOTHING
"""
DAYS = """
WITH changed AS (
INSERT INTO meters_dailyconsumption AS known (meter_id, channel, day, quantity, intervals)
SELECT meter_id, 1, local.day, wh * local.count, local.count FROM used
CROSS JOIN (
    SELECT (start AT TIME ZONE 'Africa/Johannesburg')::date AS day, count(*) AS count
    FROM generate_series(%(first)s, %(last)s - interval '15 minutes', interval '15 minutes')
        AS start GROUP BY 1
) AS local
ORDER BY 1, 3
ON CONFLICT (meter_id, channel, day) DO UPDATE
SET quantity = known.quantity + excluded.quantity, revision = known.revision + 1,
    intervals = known.intervals + excluded.intervals
RETURNING new.meter_id, new.day, new.revision - coalesce(old.revision, 0) AS grown
)
INSERT INTO meters_monthrevision AS known (meter_id, channel, month, revision)
SELECT meter_id, 1, date_trunc('month', day), sum(grown) FROM changed GROUP BY 1, 3 ORDER BY 1, 3
ON CONFLICT (meter_id, channel, month) DO UPDATE SET revision = known.revision + excluded.revision
"""


def make(units: int) -> list[Meter]:
    """Three estates, one of each tariff, whose units together are as many as asked."""
    meters: list[Meter] = []
    for number, (name, components) in enumerate(TARIFFS.items()):
        share = units // 3 + (number < units % 3)
        meters += _estate(f"{name} {time.time_ns()}", components, share)
    with connection.cursor() as cursor:
        cursor.execute(USED.format(least=LEAST_WH), {})
        cursor.execute("ANALYZE")
    _pay_in()
    return meters


@transaction.atomic
def _estate(name: str, components: list[dict[str, object]], count: int) -> list[Meter]:
    estate = register(code=f"B{time.time_ns()}", name=name)
    units = Unit.objects.bulk_create(
        (Unit(estate=estate, unit_number=f"B-{number}") for number in range(count)),
        batch_size=AT_ONCE,
    )
    meters = Meter.objects.bulk_create(
        (Meter(estate=estate, serial=f"{estate.code}-{n}", kind="electricity")
         for n in range(count)),
        batch_size=AT_ONCE,
    )  # fmt: skip
    Register.objects.bulk_create(
        (Register(meter=meter, channel=1, obis="1.0.1.8.0.255", profile_obis="1.0.99.1.0.255")
         for meter in meters),
        batch_size=AT_ONCE,
    )  # fmt: skip
    Installation.objects.bulk_create(
        (Installation(meter=meter, unit=unit, kind=meter.kind, starts_at=INSTALLED, opening_value=0)
         for meter, unit in zip(meters, units, strict=True)),
        batch_size=AT_ONCE,
    )  # fmt: skip
    table = RateTable.objects.create(name=name, utility="electricity", calendar="eskom")
    RateTableVersion.objects.create(
        rate_table=table, number=1, effective_from=SINCE, components=components
    )
    Assignment.objects.create(
        estate=estate, utility="electricity", rate_table=table, effective_from=SINCE
    )
    return meters


def _pay_in() -> None:
    """A top-up for each wallet that lasts for a while; some run dry, as in life."""
    wallets: Sequence[UUID] = list(Wallet.objects.values_list("pk", flat=True))
    ledger.post_many([
        topups.entry(
            wallet_id=wallet, amount=Decimal(500 if number % 10 else 5_000), payment_method="cash",
            reference="", occurred_at=INSTALLED, actor=None, idempotency_key=str(wallet),
            request_digest="",
        )
        for number, wallet in enumerate(wallets)
    ])  # fmt: skip


def use(first: datetime, last: datetime) -> None:
    """What every meter counted from one instant to another, as readings would leave it."""
    partitions.ensure(first.date() - timedelta(days=1), last.date() + timedelta(days=1))
    named = {"first": first, "last": last, "installed": INSTALLED}
    with transaction.atomic(), connection.cursor() as cursor:
        # The keys of other tables are right by construction: millions need not be looked up.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (INTERVALS, READINGS, DAYS):
            cursor.execute(statement, named)
