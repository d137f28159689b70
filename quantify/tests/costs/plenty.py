"""An estate with thirty rows and more of everything that a list of the API shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import models

from accounts import keys, roles
from accounts.models import AuditEntry, User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.tests.factories import EstateFactory
from meters.models import Command, Concentrator, Finding, MeterEvent
from meters.vee.rules import queue
from notifications.models import Device, Notification, Template
from quantify.tests import world
from quantify.tests.world import World
from rates.tests.factories import AssignmentFactory, RateTableFactory
from units.models import Occupancy, Resident
from units.tests.factories import ConsentFactory
from wallets.models import (
    AdjustmentProposal,
    BillDifference,
    MonthClosing,
    Settlement,
    SuspenseReceipt,
    Wallet,
)

ENOUGH = 31
NOW = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
READERS = (roles.SUPER_ADMIN, roles.PROPERTY_MANAGER, roles.RESIDENT)


@dataclass(frozen=True)
class Plenty:
    """The estate, and who reads in it, by the code of their role."""

    world: World
    readers: Mapping[str, User]


def build() -> Plenty:
    """Build the estate with a manager, and a resident who lives in each of its units."""
    world.build_system()
    readers = {code: UserFactory.create(role=code) for code in READERS}
    manager = readers[roles.PROPERTY_MANAGER]
    built = world.build("PLENTY", members=[manager], units=ENOUGH, days=1)
    for _ in range(ENOUGH):
        EstateFactory.create(members=[manager])
    _live_everywhere(built, readers[roles.RESIDENT])
    _accounts(built, readers)
    _metering(built)
    _prices(built)
    _money(built, manager)
    _messages(built)
    return Plenty(built, readers)


def _copies(row: models.Model, differing: Callable[[int], dict[str, Any]]) -> None:
    """Store a row again and again, each with a key and some fields of its own."""
    model = type(row)
    kept = {
        one.attname: getattr(row, one.attname)
        for one in model._meta.local_concrete_fields
        if not one.generated and not one.primary_key
    }
    model._default_manager.bulk_create(
        model(**kept | differing(number)) for number in range(1, ENOUGH)
    )


def _live_everywhere(built: World, resident: User) -> None:
    [first, *_] = Resident.objects.filter(occupancies__unit=built.units[0]).distinct()
    Resident.objects.filter(pk=first.pk).update(user=resident)
    Occupancy.objects.filter(ends_on=None).update(resident=first)
    Notification.objects.update(recipient=resident)
    for _ in range(ENOUGH):
        ConsentFactory.create(resident=first, withdrawn_at=NOW)


def _accounts(built: World, readers: Mapping[str, User]) -> None:
    for number in range(ENOUGH):
        UserFactory.create(role=RoleFactory.create())
        keys.make(
            user=readers[roles.SUPER_ADMIN], name=f"Key {number}", scopes=["units:read"],
            estates=[built.estate.pk], expires_at=None, at=NOW,
        )  # fmt: skip
    AuditEntry.objects.bulk_create(
        AuditEntry(
            actor=unit.pk,
            actor_name="somebody",
            action="insert",
            table="units_unit",
            object_id=unit.pk,
            scope=built.estate.pk,
        )
        for unit in built.units
    )
    Device.objects.bulk_create(
        Device(user=reader, platform="fcm", token=f"{code} {number}")
        for code, reader in readers.items()
        for number in range(ENOUGH)
    )


def _metering(built: World) -> None:
    _copies(Concentrator.objects.get(), lambda n: {"serial": f"DC{n}", "name": f"hub {n}"})
    command = Command.objects.filter(meter=built.meters[0]).get()
    _copies(command, lambda n: {"state": "verified", "requested_at": NOW + n * DAY})
    rule = next(queue()).code
    for number, meter in enumerate(built.meters):
        Finding.objects.create(
            meter=meter, channel=1, rule=rule, starts_at=NOW - DAY, ends_at=NOW, says="It jumped.",
            last_seen_at=NOW,
        )  # fmt: skip
        MeterEvent.objects.create(
            meter=built.meters[0], log="system", occurred_at=NOW + number * DAY, code=1
        )


def _prices(built: World) -> None:
    for number in range(ENOUGH):
        table = RateTableFactory.create()
        first = date(2030, 1, 1) + number * DAY
        span = {"effective_from": first, "effective_to": first + DAY}
        AssignmentFactory.create(rate_table=table, unit=built.units[0], **span)
    standing = built.estate.assignments.get(unit=None)
    standing.effective_to = date(2030, 1, 1)
    standing.save()
    days = [date(2030, 1, 1) + number * DAY for number in range(ENOUGH + 1)]
    _copies(standing, lambda n: {"effective_from": days[n], "effective_to": days[n + 1]})


def _money(built: World, manager: User) -> None:
    _copies(AdjustmentProposal.objects.get(), lambda n: {"reason": f"Adjustment {n}"})
    _copies(SuspenseReceipt.objects.get(), lambda n: {"external_key": f"receipt {n}"})
    months = [date(2020 + n // 12, n % 12 + 1, 1) for n in range(ENOUGH)]
    MonthClosing.objects.bulk_create(
        MonthClosing(estate=built.estate, month=month, closed_at=NOW, closed_by=manager)
        for month in months
    )
    BillDifference.objects.bulk_create(
        BillDifference(
            wallet=wallet,
            estate=built.estate,
            utility="electricity",
            month=months[0],
            amount=5,
            charged=0,
            consumption_before=0,
            consumption_after=1000,
            cause="readings",
            found_at=NOW,
        )
        for wallet in Wallet.objects.all()
    )
    settlement = Settlement.objects.get()
    others = Occupancy.objects.exclude(unit=built.units[0]).select_related("unit__wallet")
    stays = list(others)
    _copies(
        settlement,
        lambda n: {"occupancy_id": stays[n - 1].pk, "wallet_id": stays[n - 1].unit.wallet.pk},
    )


def _messages(built: World) -> None:
    own = Template.objects.filter(scope=None)
    Template.objects.bulk_create(
        Template(
            scope=built.estate.pk,
            event=one.event,
            language=one.language,
            subject=one.subject,
            body=one.body,
            short=one.short,
        )
        for one in own
    )
