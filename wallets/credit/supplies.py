"""What is known about each supply that can be cut: one question to the database for all."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from estates.models import EstateSettings
from quantify.periods import first_of_month, local_day
from quantify.quantities import kilo
from wallets.credit import restores
from wallets.credit.policy import BREAKER_WINDOW, CUTS_WINDOW, Facts
from wallets.models import SuspenseReceipt


class _Estate:
    """The size of an estate, and the units that credit control cut in the last minutes."""

    def __init__(self, units: int, cut_units: Sequence[UUID]) -> None:
        self.units = units
        self.cut_units = frozenset(cut_units)


COLUMNS = """
    meter.id AS meter_id, meter.serial, meter.kind, meter.relay_state, meter.last_reading_at,
    wallet.id AS wallet_id, estate.id AS estate_id, unit.id AS unit_id, unit.unit_number,
    estate.time_zone, unit.protected_supply,
    wallet.available + CASE meter.kind WHEN 'solar' THEN wallet.solar ELSE wallet.electricity END
        AS credit,
    estate.solar_free_allocation_kwh AS free_kwh, settings.activation_minimum,
    settings.automatic_disconnection, settings.disconnect_window,
    settings.reading_freshness_minutes, settings.minimum_on_minutes, settings.minimum_off_minutes,
    settings.breaker_cuts, settings.breaker_percent,
    (SELECT sum(bill.consumption)::bigint FROM wallets_bill AS bill WHERE bill.wallet_id = wallet.id
        AND bill.utility = 'solar' AND bill.month = %(month)s) AS solar_used,
    (SELECT max(message.delivered_at) FROM notifications_notification AS message
        WHERE message.subject_key = 'wallet:' || wallet.id
        AND message.event IN ('low_balance', 'critical_balance', 'disconnection_warning'))
        AS warned_at,
    past.cut_cause, past.cut_at, past.restored_at, past.cuts_in_a_day,
    EXISTS (SELECT FROM meters_command AS command WHERE command.meter_id = meter.id
        AND command.action = 'disconnect' AND command.state IN ('sent', 'acknowledged', 'unknown'))
        AS cut_is_under_way,
    (SELECT interval.quality FROM meters_interval AS interval
        WHERE interval.meter_id = meter.id AND interval.channel = 1
        AND interval.start >= meter.last_reading_at - interval '1 day'
        ORDER BY interval.start DESC LIMIT 1) AS newest_quality,
    EXISTS (SELECT FROM meters_finding AS finding WHERE finding.meter_id = meter.id
        AND finding.stops_cuts AND finding.state <> 'closed') AS waits_for_a_check
"""
# The command that is being sent is not part of the past that decides about it.
PAST = """
    SELECT
        (array_agg(command.cause ORDER BY command.sent_at DESC) FILTER (
            WHERE command.action = 'disconnect' AND command.sent_at IS NOT NULL))[1] AS cut_cause,
        max(command.sent_at) FILTER (WHERE command.action = 'disconnect') AS cut_at,
        max(command.verified_at) FILTER (WHERE command.action = 'reconnect') AS restored_at,
        count(*) FILTER (WHERE command.action = 'disconnect' AND command.sent_at > %(day_ago)s
            AND command.id IS DISTINCT FROM %(sending)s) AS cuts_in_a_day
    FROM meters_command AS command WHERE command.meter_id = meter.id
"""


def facts(
    *,
    now: datetime,
    wallet_ids: Sequence[UUID] | None = None,
    meter_ids: Sequence[UUID] | None = None,
    sending: UUID | None = None,
) -> list[Facts]:
    """
    The facts of the supplies of all wallets, or of some, whose meter has a relay.

    `sending` is the command that is about to leave, if they are asked for its sake.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {COLUMNS}
            FROM meters_meter AS meter
            JOIN meters_installation AS installation ON installation.meter_id = meter.id
                AND installation.starts_at <= %(now)s
                AND (installation.ends_at IS NULL OR installation.ends_at > %(now)s)
            JOIN units_unit AS unit ON unit.id = installation.unit_id
            JOIN wallets_wallet AS wallet ON wallet.unit_id = unit.id
            JOIN estates_estate AS estate ON estate.id = unit.estate_id
            JOIN estates_estatesettings AS settings ON settings.estate_id = estate.id
            CROSS JOIN LATERAL ({PAST}) AS past
            WHERE meter.has_relay AND meter.kind IN ('electricity', 'solar')
                AND meter.deleted_at IS NULL
                AND (%(wallets)s::uuid[] IS NULL OR wallet.id = ANY (%(wallets)s::uuid[]))
                AND (%(meters)s::uuid[] IS NULL OR meter.id = ANY (%(meters)s::uuid[]))
            ORDER BY wallet.id, meter.id
            """,  # noqa: S608  (constant text)
            {
                "now": now,
                "day_ago": now - CUTS_WINDOW,
                "month": first_of_month(local_day(now)),
                "wallets": list(wallet_ids) if wallet_ids is not None else None,
                "meters": list(meter_ids) if meter_ids is not None else None,
                "sending": sending,
            },
        )
        names = [column.name for column in cursor.description or ()]
        rows = [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    if not rows:
        return []
    estates, inhibited = _estates(now), restores.is_inhibited()
    payments = _Payments(rows)
    return [_facts(row, estates[row.estate_id], payments, inhibited=inhibited) for row in rows]


class _Payments:
    """Money in suspense whose payer named a unit; nobody has allocated it yet."""

    def __init__(self, rows: Sequence[Any]) -> None:
        estates = {row.estate_id for row in rows}
        receipts: Any = SuspenseReceipt.objects.open().filter(estate__in=estates)
        self._receipts = list(receipts.values_list("estate_id", "reference", "left"))

    def towards(self, row: Any) -> str:
        unit = re.compile(rf"(?<!\w){re.escape(row.unit_number)}(?!\w)", re.IGNORECASE)
        for estate_id, reference, left in self._receipts:
            if estate_id == row.estate_id and unit.search(reference):
                return f"R{left} in suspense is for this unit by its reference."
        return ""


def _estates(now: datetime) -> dict[UUID, _Estate]:
    """For each estate, how many units it has and which were cut in the last minutes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT estate.id,
                (SELECT count(*) FROM units_unit AS unit
                    WHERE unit.estate_id = estate.id AND unit.deleted_at IS NULL),
                ARRAY(SELECT DISTINCT installation.unit_id FROM meters_command AS command
                    JOIN meters_meter AS meter ON meter.id = command.meter_id
                    JOIN meters_installation AS installation ON installation.meter_id = meter.id
                        AND installation.ends_at IS NULL
                    WHERE meter.estate_id = estate.id AND command.action = 'disconnect'
                    AND command.cause = 'credit'
                    -- An order on its way leaves later than it was put on record.
                    AND (command.sent_at > %s OR command.state = 'sent'))
            FROM estates_estate AS estate
            """,
            [now - BREAKER_WINDOW],
        )
        return {row[0]: _Estate(*row[1:]) for row in cursor.fetchall()}


def _facts(row: Any, estate: _Estate, payments: _Payments, *, inhibited: bool) -> Facts:
    return Facts(
        meter_id=row.meter_id,
        serial=row.serial,
        wallet_id=row.wallet_id,
        estate_id=row.estate_id,
        unit_number=row.unit_number,
        utility=row.kind,
        zone=ZoneInfo(row.time_zone),
        credit=row.credit,
        free_left=_free_left(row.kind, row.free_kwh, row.solar_used),
        relay_state=row.relay_state,
        cut_by_credit=row.cut_cause == "credit",
        cut_is_under_way=row.cut_is_under_way,
        activation_minimum=row.activation_minimum,
        automatic=row.automatic_disconnection,
        inhibited=inhibited,
        protected=row.protected_supply,
        office_hours=row.disconnect_window == EstateSettings.DisconnectWindow.OFFICE_HOURS,
        warned_at=row.warned_at,
        newest_reading_at=row.last_reading_at,
        newest_is_estimated=row.newest_quality == "estimated",
        waits_for_a_check=row.waits_for_a_check,
        freshness=timedelta(minutes=row.reading_freshness_minutes),
        payment=payments.towards(row) if row.credit <= 0 else "",
        cut_at=row.cut_at,
        restored_at=row.restored_at,
        minimum_on=timedelta(minutes=row.minimum_on_minutes),
        minimum_off=timedelta(minutes=row.minimum_off_minutes),
        cuts_in_a_day=row.cuts_in_a_day,
        # A unit has more than one supply; cutting the second one does not count again.
        recent_cuts=len(estate.cut_units - {row.unit_id}),
        breaker_cuts=row.breaker_cuts,
        units=estate.units,
        breaker_percent=row.breaker_percent,
    )


def _free_left(kind: str, free_kwh: Decimal, solar_used: int | None) -> int:
    if kind != "solar":
        return 0
    return max(kilo(free_kwh) - (solar_used or 0), 0)
