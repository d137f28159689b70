"""Metered days for the tests of billing, written as the metering side leaves them."""

from datetime import date, datetime
from decimal import Decimal

from django.db import connection

from meters import days, partitions
from meters.models import Meter
from quantify.periods import local_day
from quantify.quantities import kilo


def use(meter: Meter, day: date, kwh: str) -> None:
    """Set what a meter counted on a local day, in kWh or kl."""
    partitions.ensure(day, day)
    channel = 3 if meter.kind.endswith("water") else 1
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO meters_dailyconsumption (meter_id, channel, day, quantity, intervals)
            VALUES (%s, %s, %s, %s, 96)
            ON CONFLICT (meter_id, channel, day) DO UPDATE
            SET quantity = EXCLUDED.quantity, revision = meters_dailyconsumption.revision + 1
            """,
            [meter.pk, channel, day, kilo(Decimal(kwh))],
        )
    days.add_up([meter.pk])


def count(meter: Meter, start: datetime, kwh: str) -> None:
    """Add an interval of a meter, and add it to its local day."""
    day = local_day(start)
    partitions.ensure(start.date(), day)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO meters_interval (meter_id, channel, start, quantity, quality)
            VALUES (%s, 1, %s, %s, 'actual')
            """,
            [meter.pk, start, kilo(Decimal(kwh))],
        )
        cursor.execute(
            """
            INSERT INTO meters_dailyconsumption (meter_id, channel, day, quantity, intervals)
            VALUES (%s, 1, %s, %s, 1)
            ON CONFLICT (meter_id, channel, day) DO UPDATE
            SET quantity = meters_dailyconsumption.quantity + EXCLUDED.quantity,
                revision = meters_dailyconsumption.revision + 1
            """,
            [meter.pk, day, kilo(Decimal(kwh))],
        )
    days.add_up([meter.pk])
