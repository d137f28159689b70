"""What was done in an estate and may be taken back, collected or released; and what is in store."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from accounts.models import User
from meters import replacement
from meters.models import Finding, Meter, NetworkServer
from meters.replacement import Swap
from meters.tests.factories import LoraDeviceFactory, MeterFactory
from meters.vee import decisions
from meters.vee.editing import Occasion
from meters.vee.rules import queue
from quantify.periods import floor_to_interval
from quantify.tests.world import World
from rates.tests.factories import RateTableFactory
from units.tests.factories import OccupancyFactory, ResidentFactory, UnitFactory
from wallets.billing import runs
from wallets.models import Wallet
from wallets.office import service_charges, settlement

WATER = Meter.Kind.WATER


def live(built: World, person: User, now: datetime) -> None:
    """Let it all happen at a unit of its own, where nobody else looks."""
    code = built.estate.code
    unit = UnitFactory.create(estate=built.estate, unit_number=f"{code}-B001")
    old, new, spoken, _spare = (
        MeterFactory.create(
            estate=built.estate, serial=f"{code}-W{number:03d}", kind=WATER, with_register=True,
            **({"installed": True, "installation__unit": unit} if number == 1 else {}),
        )
        for number in (1, 2, 3, 4)
    )  # fmt: skip
    swap = Swap(
        old=old, new=new, at=floor_to_interval(now) - timedelta(hours=2), closing=5000, opening=0,
        reason=f"{old.serial} leaks",
    )  # fmt: skip
    replacement.replace(swap, now=now)
    server = NetworkServer.objects.get(estate=built.estate)
    LoraDeviceFactory.create(
        server=server, name=f"{code} voice", meter=spoken, model="qalcosonic_w1"
    )
    _leave_owing(built, person, now)
    OccupancyFactory.create(
        unit=UnitFactory.create(estate=built.estate, unit_number=f"{code}-B003"),
        resident=ResidentFactory.create(estate=built.estate, first_name=code, last_name="Gone"),
        starts_on=date(2025, 1, 1),
        ends_on=date(2025, 7, 1),
    )
    RateTableFactory.create(name=f"{code} spare", estate=built.estate, is_reference=True)
    MeterFactory.create(estate=built.estate, serial=f"{code}-E900", with_register=True)
    for meter in built.meters:
        finding = Finding.objects.create(
            meter=meter, channel=1, rule=next(queue()).code, starts_at=now - timedelta(hours=4),
            ends_at=now - timedelta(hours=3), says=f"{meter.serial} jumped.", last_seen_at=now,
        )  # fmt: skip
        occasion = Occasion(person, now, f"{meter.serial} was looked at.")
        decisions.accept(finding_id=finding.pk, occasion=occasion)
    # Now, not when another estate is built.
    runs.bill(now=now)


def _leave_owing(built: World, person: User, now: datetime) -> None:
    """Let somebody move out who had no money for what the office did."""
    code = built.estate.code
    unit = UnitFactory.create(estate=built.estate, unit_number=f"{code}-B002")
    occupancy = OccupancyFactory.create(
        unit=unit,
        resident=ResidentFactory.create(estate=built.estate, first_name=code, last_name="Owing"),
        starts_on=date(2025, 1, 1),
        ends_on=date(2025, 7, 1),
    )
    service_charges.charge(
        wallet_id=Wallet.objects.get(unit=unit).pk, amount=Decimal(80), reason=f"{code} lost key",
        occurred_at=now, actor=person,
    )  # fmt: skip
    settlement.settle(occupancy_id=occupancy.pk, settled_at=now, actor=person)
