"""What is known about each supply that can be cut: one question to the database for all."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from estates.models import EstateSettings
from quantify.periods import first_of_month, local_day
from quantify.quantities import kilo
from wallets.models import CreditSwitch
from wallets.policy import BREAKER_WINDOW, Facts


class _Estate:
    """The size of an estate, and the units that credit control cut in the last minutes."""

    def __init__(self, units: int, cut_units: Sequence[UUID]) -> None:
        self.units = units
        self.cut_units = frozenset(cut_units)


COLUMNS = """
    meter.id, meter.serial, meter.kind, meter.relay_state, meter.last_reading_at, wallet.id,
    estate.id, unit.id, unit.unit_number, estate.time_zone, unit.protected_supply,
    wallet.available + CASE meter.kind WHEN 'solar' THEN wallet.solar ELSE wallet.electricity END,
    estate.solar_free_allocation_kwh, settings.activation_minimum,
    settings.automatic_disconnection, settings.disconnect_window,
    settings.reading_freshness_minutes, settings.breaker_cuts, settings.breaker_percent,
    (SELECT sum(bill.consumption)::bigint FROM wallets_bill AS bill WHERE bill.wallet_id = wallet.id
        AND bill.utility = 'solar' AND bill.month = %(month)s),
    (SELECT max(message.delivered_at) FROM notifications_notification AS message
        WHERE message.subject_key = 'wallet:' || wallet.id
        AND message.event IN ('low_balance', 'critical_balance', 'disconnection_warning')),
    (SELECT command.cause FROM meters_command AS command WHERE command.meter_id = meter.id
        AND command.action = 'disconnect' AND command.sent_at IS NOT NULL
        ORDER BY command.sent_at DESC LIMIT 1),
    (SELECT interval.quality FROM meters_interval AS interval
        WHERE interval.meter_id = meter.id AND interval.channel = 1
        AND interval.start >= meter.last_reading_at - interval '1 day'
        ORDER BY interval.start DESC LIMIT 1)
"""


def facts(
    *,
    now: datetime,
    wallet_ids: Sequence[UUID] | None = None,
    meter_ids: Sequence[UUID] | None = None,
) -> list[Facts]:
    """The facts of the supplies of all wallets, or of some, whose meter has a relay."""
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
            WHERE meter.has_relay AND meter.kind IN ('electricity', 'solar')
                AND meter.deleted_at IS NULL
                AND (%(wallets)s::uuid[] IS NULL OR wallet.id = ANY (%(wallets)s::uuid[]))
                AND (%(meters)s::uuid[] IS NULL OR meter.id = ANY (%(meters)s::uuid[]))
            ORDER BY wallet.id, meter.id
            """,  # noqa: S608  (constant text)
            {
                "now": now,
                "month": first_of_month(local_day(now)),
                "wallets": list(wallet_ids) if wallet_ids is not None else None,
                "meters": list(meter_ids) if meter_ids is not None else None,
            },
        )
        rows = cursor.fetchall()
    estates = _estates(now)
    inhibited = CreditSwitch.objects.filter(is_inhibited=True).exists()
    return [_facts(row, estates, inhibited=inhibited) for row in rows]


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
                    AND command.cause = 'credit' AND command.sent_at > %s)
            FROM estates_estate AS estate
            """,
            [now - BREAKER_WINDOW],
        )
        return {row[0]: _Estate(*row[1:]) for row in cursor.fetchall()}


def _facts(row: tuple[Any, ...], estates: dict[UUID, _Estate], *, inhibited: bool) -> Facts:
    meter_id, serial, kind, relay_state, last_reading_at, wallet_id, *rest = row
    estate_id, unit_id, unit_number, time_zone, protected, credit, free_kwh, *settings = rest
    activation_minimum, automatic, window, freshness, cuts, percent, *history = settings
    solar_used, warned_at, cut_cause, newest_quality = history
    estate = estates[estate_id]
    return Facts(
        meter_id=meter_id,
        serial=serial,
        wallet_id=wallet_id,
        estate_id=estate_id,
        unit_number=unit_number,
        utility=kind,
        zone=ZoneInfo(time_zone),
        credit=credit,
        free_left=_free_left(kind, free_kwh, solar_used),
        relay_state=relay_state,
        cut_by_credit=cut_cause == "credit",
        activation_minimum=activation_minimum,
        automatic=automatic,
        inhibited=inhibited,
        protected=protected,
        office_hours=window == EstateSettings.DisconnectWindow.OFFICE_HOURS,
        warned_at=warned_at,
        newest_reading_at=last_reading_at,
        newest_is_estimated=newest_quality == "estimated",
        freshness=timedelta(minutes=freshness),
        # A unit has more than one supply; cutting the second one does not count again.
        recent_cuts=len(estate.cut_units - {unit_id}),
        breaker_cuts=cuts,
        units=estate.units,
        breaker_percent=percent,
    )


def _free_left(kind: str, free_kwh: Decimal, solar_used: int | None) -> int:
    if kind != "solar":
        return 0
    return max(kilo(free_kwh) - (solar_used or 0), 0)
