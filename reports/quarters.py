"""What all meters of a kind in an estate counted in each quarter of an hour, added up."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from meters.models import Meter
from reports.report import Question
from wallets.billing.metered import BILLED_CHANNELS

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# By meter, so that the key of the intervals finds them; grouped in the database, so that a row is
# a quarter of an hour of the estate and not of a meter.
QUARTERS = """
SELECT meter.kind, interval.start, sum(interval.quantity)::bigint
FROM meters_interval AS interval
JOIN meters_meter AS meter ON meter.id = interval.meter_id
WHERE interval.meter_id = ANY (%(meters)s::uuid[]) AND interval.channel = ANY (%(channels)s)
    AND interval.start >= %(start)s AND interval.start < %(end)s
GROUP BY meter.kind, interval.start
ORDER BY meter.kind, interval.start
"""


class Quarter(NamedTuple):
    """Wh or litres that the meters of a kind counted from `start`, local to the estate."""

    kind: str
    start: datetime
    quantity: int


def read(question: Question, kinds: Iterable[str]) -> list[Quarter]:
    """The quarters of an hour of which anything is known; two statements."""
    zone, period = question.estate.zone, question.period
    meters = Meter.objects.filter(
        estate=question.estate, kind__in=[str(kind) for kind in kinds]
    ).values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute(
            QUARTERS,
            {
                "meters": list(meters), "channels": BILLED_CHANNELS,
                "start": period.start, "end": period.end,
            },
        )  # fmt: skip
        return [
            Quarter(kind, start.astimezone(zone), quantity)
            for kind, start, quantity in cursor.fetchall()
        ]
