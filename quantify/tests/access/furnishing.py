"""An estate with a row of every kind that the shared world leaves out."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.models import (
    CheckLimit,
    Finding,
    MeterEvent,
    MeterKeys,
    MissingStretch,
    Reading,
    ReadingEdit,
)
from meters.vee.rules import queue
from notifications.models import Delivery, Notification, Template
from quantify.periods import first_of_month, local_day
from quantify.tests import world
from quantify.tests.access import past
from quantify.tests.access.callers import FORMER, give_device
from quantify.tests.world import World
from units.models import Resident
from wallets.billing import closings, differences
from wallets.models import SuspenseReceipt
from wallets.office import suspense
from wallets.tests.metering import use


def furnished(code: str, *, units: int) -> World:
    """
    An estate with a row of every kind that the shared world leaves out.

    Where there is a third unit, whoever lived there has moved out.
    """
    built = world.build(code, units=units)
    now = timezone.now()
    person = UserFactory.create()
    receipt = SuspenseReceipt.objects.get(estate=built.estate)
    suspense.allocate(
        receipt_id=receipt.pk, wallet_id=built.wallets[0].pk, amount=Decimal(20),
        occurred_at=now, actor=person,
    )  # fmt: skip
    CheckLimit.objects.create(estate=built.estate, parameter=_a_limit(), value=Decimal(3))
    for meter in built.meters:
        finding = Finding.objects.create(
            meter=meter, channel=1, rule=next(queue()).code, starts_at=now - timedelta(hours=2),
            ends_at=now - timedelta(hours=1), says=f"{meter.serial} jumped.", last_seen_at=now,
        )  # fmt: skip
        taken_at = Reading.objects.filter(meter=meter).values_list("taken_at", flat=True)[0]
        ReadingEdit.objects.create(
            meter=meter, channel=1, taken_at=taken_at, action="accept", rules=0, before_rules=0,
            reason=f"{meter.serial} was looked at.", finding=finding, edited_by=person,
            edited_at=now,
        )  # fmt: skip
        MeterEvent.objects.create(
            meter=meter, log="system", occurred_at=now, code=1, detail=f"{meter.serial} event"
        )
        MeterKeys.objects.create(meter=meter, level="low", sealed=f"{meter.serial} sealed")
        MissingStretch.objects.create(
            meter=meter, profile_obis="1.0.99.1.0.255", starts_at=now - timedelta(hours=2),
            ends_at=now, asked_until=now,
        )  # fmt: skip
    _late(built)
    past.live(built, person, now)
    _let_residents_in(built)
    Template.objects.create(
        scope=built.estate.pk,
        event="low_balance",
        language="af",
        subject=f"{code} low",
        body=code,
        short=code,
    )
    return built


def _let_residents_in(built: World) -> None:
    """Everybody who lives there signs in, and has a device and a message in the app."""
    for number, unit in enumerate(built.units):
        living = unit.occupancies.get(ends_on=None)
        user = UserFactory.create(
            username=f"{built.estate.code}-resident-{number}", role=roles.RESIDENT
        )
        Resident.objects.filter(pk=living.resident_id).update(user=user)
        give_device(user)
        message = Notification.objects.get(subject_key=f"unit:{unit.pk}")
        Delivery.objects.create(
            notification=message, channel="in_app", user=user, subject="Low balance",
            recipient_key=f"resident:{living.resident_id}", body=message.text,
            due_at=message.due_at,
        )  # fmt: skip
        if number == FORMER:
            living.ends_on = local_day(timezone.now(), built.estate.zone)
            living.save()


def _a_limit() -> str:
    return str(CheckLimit._meta.get_field("parameter").choices[0][0])


def _late(built: World) -> None:
    """A month that is closed, and use of that month that came in afterwards."""
    now = timezone.now()
    this_month = first_of_month(local_day(now, built.estate.zone))
    month = first_of_month(this_month - timedelta(days=40))
    closings.close(estate=built.estate, month=month, actor=None, closed_at=now)
    for meter in built.meters:
        use(meter, month + timedelta(days=3), "10")
    differences.look(now=now)
