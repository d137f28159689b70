"""
What was metered for a wallet: a supply in a local month, and the days of its meters.

Set-based SQL: a run over thousands of units asks the database a handful of questions.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from meters.models import Register
from quantify.quantities import Utility
from rates.pricing import Place

BILLED_CHANNELS = [Register.Channel.IMPORT.value, Register.Channel.VOLUME.value]

type Key = tuple[int, str, date]
"""Wallet, utility and month, in what is hashed without a detour through Python."""


def key_of(wallet_id: UUID, utility: str, month: date) -> Key:
    """What names the bills of a wallet's utility in a month."""
    return wallet_id.int, utility, month


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """
    A utility that a wallet pays for in a local month, and the state of its metered days.

    Supplied from `first_day` up to but without `end_day`; days before `priced_to` have begun.
    `since` is the day on which a settlement cut the month; `month_to_date` is what it had used
    by then. `settled_to` is the day up to which the wallet was settled, if it was; `seen` is
    when the bill was written that this was told from. `rates` is the state of all rates then.
    """

    wallet_id: UUID
    place: Place
    utility: Utility
    month: date
    first_day: date
    end_day: date
    priced_to: date
    revision: int
    vat_percent: Decimal
    since: date | None = None
    month_to_date: int = 0
    settled_to: date | None = None
    seen: datetime | None = None
    rates: int | None = None
    key: Key = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", key_of(self.wallet_id, self.utility.value, self.month))


# The state of all rate tables and assignments: any row that is written, added or deleted changes
# it, whenever it commits. An instant could not tell: who commits late wrote early.
RATES = """
    SELECT bit_xor(uuid_hash_extended(id, (extract(epoch FROM updated_at) * 1000000)::bigint))
    FROM (SELECT id, updated_at FROM rates_assignment
        UNION ALL SELECT id, updated_at FROM rates_ratetableversion) AS rates
"""


def rates_state() -> int | None:
    """The state of all rate tables and assignments, as bills keep it; nothing without any."""
    with connection.cursor() as cursor:
        cursor.execute(RATES)
        (state,) = cursor.fetchone()
        return None if state is None else int(state)


# Tells an installation, as it is, from others.
MARK = """(uuid_hash_extended(installation.meter_id, 0)
                # hashint8extended(extract(epoch FROM installation.starts_at)::bigint, 1)
                # coalesce(hashint8extended(
                    extract(epoch FROM installation.ends_at)::bigint, 2), 0)) & 1048575"""

# What each register counted by local day; `{installed}` says of which installations. On the day of
# a move a meter counts at both units: each is told its day less the quarter hours outside of its
# installation. A day of which no quarter hours are known cannot be divided. `state` tells whether
# anything changed that days, by revision or by installation, add up to; `is_whole` whether the
# meter hung at the unit for the whole local month.
DAYS = f"""
    SELECT hung.unit_id, hung.utility, daily.day, daily.revision,
        hung.first_day <= date_trunc('month', daily.day) AND (hung.last_day IS NULL
            OR hung.last_day >= date_trunc('month', daily.day) + interval '1 month - 1 day')
            AS is_whole,
        (daily.revision::bigint << 20) + hung.mark AS state,
        daily.quantity - CASE WHEN daily.day = hung.first_day OR daily.day = hung.last_day THEN (
            SELECT coalesce(sum(quantity), 0) FROM meters_interval
            WHERE meter_id = daily.meter_id AND channel = daily.channel
                AND start >= daily.day::timestamp AT TIME ZONE hung.time_zone
                AND start < (daily.day + 1)::timestamp AT TIME ZONE hung.time_zone
                AND (start < hung.starts_at OR start >= hung.ends_at)
        ) ELSE 0 END AS quantity
    FROM (
        SELECT installation.unit_id, installation.kind AS utility, installation.meter_id,
            installation.starts_at, installation.ends_at, estate.time_zone,
            (installation.starts_at AT TIME ZONE estate.time_zone)::date AS first_day,
            ((installation.ends_at - interval '1 microsecond')
                AT TIME ZONE estate.time_zone)::date AS last_day,
            (%(now)s AT TIME ZONE estate.time_zone)::date AS today,
            {MARK} AS mark
        FROM meters_installation AS installation
        JOIN units_unit AS unit ON unit.id = installation.unit_id
        JOIN estates_estate AS estate ON estate.id = unit.estate_id
        WHERE {{installed}}
        OFFSET 0  -- The planner would else reckon each of these anew for every day.
    ) AS hung
    JOIN meters_dailyconsumption AS daily ON daily.meter_id = hung.meter_id
    WHERE daily.channel = ANY (%(channels)s)
        AND daily.day >= %(first_month)s
        AND daily.day >= hung.first_day AND daily.day <= hung.today
        AND (hung.last_day IS NULL OR daily.day <= hung.last_day)
"""  # noqa: S608
AT_UNITS = "installation.unit_id = ANY (%(units)s::uuid[])"
