"""Estates in full operation for the portal's tests: one row or more of every kind."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters import readings
from meters.batches import RawReading
from meters.models import Concentrator, Meter, ReadingConflict
from meters.tests.factories import (
    CommandFactory,
    ConcentratorFactory,
    LoraDeviceFactory,
    MeterAlertFactory,
    MeterFactory,
    RelayDriftFactory,
    UplinkFactory,
)
from notifications.models import Delivery, Notification
from quantify.periods import INTERVAL, floor_to_interval
from rates.models import RateTable, ReferenceTable
from rates.tests.factories import AssignmentFactory, RateTableFactory
from units.identities import Identity
from units.models import Resident, Unit
from units.tests.factories import ConsentFactory, OccupancyFactory, ResidentFactory, UnitFactory
from wallets import accounts, topups
from wallets.billing import runs
from wallets.models import CreditSwitch, Wallet
from wallets.office import adjustments, settlement, suspense

WH_PER_INTERVAL = 120


@dataclass(frozen=True)
class World:
    """What stands in one estate. Every name and number in it begins with the estate's code."""

    estate: Estate
    concentrator: Concentrator
    rate_table: RateTable
    units: list[Unit]
    meters: list[Meter]

    @property
    def wallets(self) -> list[Wallet]:
        units = Wallet.objects.filter(unit__in=self.units)
        return list(units.order_by("unit__unit_number"))


def build(
    code: str,
    *,
    members: list[User] = (),  # type: ignore[assignment]
    units: int = 1,
    days: int = 2,
    paid_in: str = "200.00",
) -> World:
    """Take an estate on, let it use electricity for some days and charge for it."""
    now = timezone.now()
    estate = EstateFactory.create(code=code, name=f"{code} Gardens", members=members)
    concentrator = ConcentratorFactory.create(
        estate=estate, serial=f"{code}-DC", name=f"{code} hub"
    )
    table = RateTableFactory.create(name=f"{code} flat", estate=estate)
    AssignmentFactory.create(estate=estate, rate_table=table)
    ReferenceTable.objects.create(estate=estate, utility=table.utility, rate_table=table)
    homes, meters = [], []
    for number in range(1, units + 1):
        unit, meter = _home(estate, concentrator, number)
        if number == 1:
            _moved_out(unit, now)
        homes.append(unit)
        meters.append(meter)
        _money(unit, paid_in, now)
    _use(meters, days, now)
    runs.bill(now=now)
    _news(estate, meters, homes, now)
    adjustments.adjust(
        wallet_id=Wallet.objects.get(unit=homes[0]).pk,
        amount=Decimal(600),
        reason=f"{code} meter was read wrongly",
        occurred_at=now,
        actor=UserFactory.create(),
    )
    suspense.record(
        estate=estate,
        amount=Decimal(70),
        payment_method="eft",
        reference=f"{code} unit unknown",
        external_key=f"{code}-BANK-1",
        received_at=now,
        recorded_at=now,
        actor=UserFactory.create(),
    )
    accounts.close(now=now)
    return World(estate, concentrator, table, homes, meters)


def build_system() -> None:
    """What belongs to no estate."""
    CreditSwitch.objects.get_or_create(defaults={"is_inhibited": False})


def _home(estate: Estate, concentrator: Concentrator, number: int) -> tuple[Unit, Meter]:
    code = estate.code
    unit = UnitFactory.create(estate=estate, unit_number=f"{code}-A{number:03d}")
    resident = ResidentFactory.create(
        estate=estate, first_name=f"{code}First{number}", last_name=f"{code}Last{number}",
        identity=Identity(Resident.Identity.PASSPORT, "ZW", f"{code}PASS{number}"),
    )  # fmt: skip
    ConsentFactory.create(resident=resident, wording=f"{code} privacy notice")
    OccupancyFactory.create(unit=unit, resident=resident)
    meter = MeterFactory.create(
        estate=estate,
        serial=f"{code}-E{number:03d}",
        concentrator=concentrator,
        logical_device=number,
        with_register=True,
        installed=True,
        installation__unit=unit,
    )
    return unit, meter


def _moved_out(unit: Unit, now: datetime) -> None:
    """That somebody lived there once before, when there was no meter, and owed nothing."""
    resident = unit.occupancies.get().resident
    occupancy = OccupancyFactory.create(
        unit=unit, resident=resident, starts_on=date(2025, 1, 1), ends_on=date(2025, 7, 1)
    )
    settlement.settle(occupancy_id=occupancy.pk, settled_at=now, actor=UserFactory.create())


def _money(unit: Unit, paid_in: str, now: datetime) -> None:
    wallet = Wallet.objects.get(unit=unit)
    topups.top_up(
        wallet_id=wallet.pk,
        amount=Decimal(paid_in),
        payment_method="eft",
        reference=f"{unit.unit_number} EFT",
        occurred_at=now - timedelta(days=1),
        actor=UserFactory.create(),
    )


def _use(meters: list[Meter], days: int, now: datetime) -> None:
    end = floor_to_interval(now)
    rows = [
        RawReading(meter.pk, 1, end - back * INTERVAL, 1_000_000 - back * WH_PER_INTERVAL)
        for meter in meters
        for back in range(days * 96, -1, -1)
    ]
    readings.record(rows, received_at=now)


def _news(estate: Estate, meters: list[Meter], homes: list[Unit], now: datetime) -> None:
    device = LoraDeviceFactory.create(server__estate=estate, name=f"{estate.code} water")
    UplinkFactory.create(device=device, heard_at=now)
    for meter, unit in zip(meters, homes, strict=True):
        MeterAlertFactory.create(meter=meter, message=f"{meter.serial} is silent.")
        RelayDriftFactory.create(meter=meter, says=f"{meter.serial} was switched off.")
        CommandFactory.create(meter=meter, reason=f"{unit.unit_number} has no credit.")
        ReadingConflict.objects.create(
            meter=meter, channel=1, taken_at=now, value=5, source="automatic"
        )
        message = Notification.objects.create(
            event=Notification.Event.LOW_BALANCE,
            scope=estate.pk,
            subject_key=f"unit:{unit.pk}",
            once_key=f"low:{unit.pk}",
            text=f"{unit.unit_number}: your balance is low.",
            due_at=now,
        )
        Delivery.objects.create(
            notification=message,
            channel=Delivery.Channel.EMAIL,
            recipient_key=f"unit:{unit.pk}",
            name=f"{unit.unit_number} resident",
            address=f"{unit.unit_number}@example.com",
            subject="Low balance",
            body=f"{unit.unit_number}: your balance is low.",
            due_at=now,
        )
