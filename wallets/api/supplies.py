"""
What supplies homes: their wallet and the meters that hang there, of many homes at once.

One statement, written once: a list of homes is asked for more often than anything else.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from meters.api.serializers import METER_FIELDS
from meters.models import Installation, Meter
from quantify import columns
from wallets.models import Wallet

WALLET = ("id", "balance", "arrears", "is_suspended")
METER = tuple(name for name in METER_FIELDS if name != "unit")


class Supply(NamedTuple):
    """Of one home; its meters are in the order of their kinds."""

    wallet: Any
    meters: list[Any]


def of_units(units: Iterable[UUID], *, at: datetime) -> dict[UUID, Supply]:
    """What supplies each of these homes at an instant; a home without a wallet is left out."""
    found: dict[UUID, Supply] = {}
    wallet, meter = columns.shape(Wallet, WALLET), columns.shape(Meter, METER)
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [at, at, list(units)])
        for unit, *values in cursor:
            if unit not in found:
                found[unit] = Supply(wallet._make(values[: len(WALLET)]), [])
            if values[len(WALLET)] is not None:
                found[unit].meters.append(meter._make(values[len(WALLET) :]))
    return found


@cache
def _statement() -> str:
    wallet, meter, hanging = (one._meta.db_table for one in (Wallet, Meter, Installation))
    return f"""
SELECT {wallet}.unit_id, {columns.written(Wallet, WALLET)}, {columns.written(Meter, METER)}
FROM {wallet}
LEFT JOIN {hanging} AS hanging ON hanging.unit_id = {wallet}.unit_id
    AND hanging.starts_at <= %s AND (hanging.ends_at IS NULL OR hanging.ends_at > %s)
LEFT JOIN {meter} ON {meter}.id = hanging.meter_id
WHERE {wallet}.unit_id = ANY(%s)
ORDER BY hanging.kind
"""  # noqa: S608 - names of the models' own
