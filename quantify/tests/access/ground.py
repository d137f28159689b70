"""
Two estates in full operation, and callers who may reach one of them.

Whatever stands in the foreign estate carries `CANARY` in its words: an answer to anybody else
that holds it, or the id of a foreign row, has leaked.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, models, transaction
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from accounts import keys, roles
from accounts.models import AuditEntry, Role, User
from accounts.tests.factories import RoleFactory, UserFactory
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
from notifications.models import Delivery, Device, Notification, Template
from quantify.periods import first_of_month, local_day
from quantify.tests import world
from quantify.tests.access.table import Of, Own, System
from quantify.tests.client import basic
from quantify.tests.world import World
from units.models import Resident
from wallets.billing import closings
from wallets.models import BillDifference, SuspenseReceipt, Wallet
from wallets.office import suspense

OURS, CANARY = "OURS1", "QZX7"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CODED = {"time_zone", "identity_sealed"}
"""Texts that only the program writes, and could not read with a canary in them."""
FORMER = 2
"""The unit of our estate that nobody lives in any more."""
EVERYTHING = roles.READ | roles.MANAGE | roles.BILL | roles.EXCEPTIONAL
LITTLE = frozenset({"units.view_unit", "wallets.view_wallet", "wallets.topup_wallet"})


class Reach(Enum):
    """How far a caller sees."""

    NOWHERE = "nowhere"
    UNIT = "the unit they live in"
    PAST = "the unit they lived in, as it was then"
    ESTATE = "the estates they are members of"
    EVERYWHERE = "everywhere"


class Place(Enum):
    """Where an object stands, seen from a caller."""

    OWN = "own"
    NEIGHBOUR = "of the same estate"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: how they say who they are, what they may do and how far they see."""

    name: str
    reach: Reach
    permissions: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    home: int = 0
    """Which unit of our estate is theirs, or was."""
    cookie: str = ""
    """Of their session in the portal; who only has a key, or no name, has none."""

    def may(self, permission: str | None) -> bool:
        """Whether an operation that asks for the permission is open; none is open to nobody."""
        if permission is None or self.reach is Reach.NOWHERE:
            return False
        return permission == "" or self.reach is Reach.EVERYWHERE or permission in self.permissions

    def sees(self, row: Of | Own | System, place: Place) -> bool:
        if isinstance(row, Own):
            return place is Place.OWN
        match self.reach:
            case Reach.EVERYWHERE:
                return True
            case Reach.ESTATE:
                return place is not Place.FOREIGN
            case Reach.UNIT:
                return place is Place.OWN
            case Reach.PAST:
                return place is Place.OWN and isinstance(row, Of) and row.past
        return False


@dataclass(frozen=True)
class Ground:
    """What the matrix walks on."""

    ours: World
    theirs: World
    callers: list[Caller]
    foreign_ids: frozenset[str]
    digest: str

    def caller(self, name: str) -> Caller:
        return next(one for one in self.callers if one.name == name)

    def pick(self, of: Of | Own | System, place: Place, caller: Caller | None = None) -> Any:
        """The id of an object in a place as a caller sees it; None where none can stand."""
        if isinstance(of, System):
            found = _first(of.model._default_manager.all())
            return found if place is Place.FOREIGN else None
        home = self.theirs if place is Place.FOREIGN else self.ours
        number = 1 if place is Place.NEIGHBOUR else 0
        if place is Place.OWN and caller is not None:
            number = caller.home
        if isinstance(of, Own):
            whose = {f"{of.holder}__resident__occupancies__unit": home.units[number].pk}
            if place is Place.OWN and caller is not None:
                whose = {of.holder: caller.user}
            return _first(of.model._default_manager.filter(**whose))
        rows = of.model._default_manager.filter(**{of.estate: home.estate.pk}, **of.where)
        if of.unit is not None:
            rows = rows.filter(**{of.unit: home.units[number].pk})
        elif place is Place.NEIGHBOUR:
            return None
        return _first(rows)

    def leaks(self, content: bytes, *sent: object) -> set[str]:
        """What of the foreign estate is in an answer, apart from what was sent."""
        text = readable(content)
        found = set(UUIDS.findall(text)) & self.foreign_ids - {str(one) for one in sent}
        return found | ({CANARY} if CANARY in text else set())


def _first(rows: models.QuerySet) -> Any:
    found = rows.order_by("pk").values_list("pk", flat=True).first()
    assert found is not None, f"The ground has no such {rows.model._meta.label}: {rows.query}"
    return found


def readable(content: bytes) -> str:
    """The words of an answer, out of a spreadsheet or a PDF too."""
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as sheets:
            return "\n".join(sheets.read(name).decode() for name in sheets.namelist())
    if content.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return content.decode(errors="replace")


@contextmanager
def undone() -> Iterator[None]:
    """Let whatever a request changes be as before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def build(*, with_canaries: bool = True) -> Ground:
    """Build both estates and everybody who calls."""
    world.build_system()
    ours = _furnished(OURS, units=3)
    before = _ids()
    theirs = _furnished(CANARY, units=2)
    if with_canaries:
        _plant(before)
    foreign = _ids() - before
    callers = _callers(ours)
    AccessAttempt.objects.create(
        username="stranger", ip_address="192.0.2.1", failures_since_start=1
    )
    AuditEntry.objects.create(
        actor=theirs.estate.pk, actor_name=CANARY, action="insert", table="units_unit",
        object_id=theirs.units[0].pk, scope=theirs.estate.pk,
    )  # fmt: skip
    return Ground(ours, theirs, callers, frozenset(map(str, foreign)), digest())


def digest() -> str:
    """What the whole database holds, in short; not when a key was last used."""
    names = sorted(model._meta.db_table for model in _stored())
    each = ", ".join(
        f"(SELECT md5(coalesce(string_agg(told, ',' ORDER BY told), '')) FROM "  # noqa: S608
        f"(SELECT (to_jsonb(row) - 'last_used_at')::text AS told FROM \"{name}\" AS row))"
        for name in names
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(concat({each}))")
        return str(cursor.fetchone()[0])


def _stored() -> list[type[models.Model]]:
    """Tables that hold what people and meters did; not sessions and counts of failures."""
    aside = {"sessions", "axes", "contenttypes", "auth"}
    return [
        model
        for model in apps.get_models()
        if model._meta.managed and model._meta.app_label not in aside
    ]


def _ids() -> set[UUID]:
    return {
        pk
        for model in _stored()
        if isinstance(model._meta.pk, models.UUIDField)
        for pk in model._default_manager.values_list("pk", flat=True)
    }


def _callers(ours: World) -> list[Caller]:
    callers = [Caller("anonymous", Reach.NOWHERE)]
    for code, (_, permissions) in roles.BUILT_IN.items():
        if code != roles.RESIDENT:
            reach = Reach.EVERYWHERE if code == roles.SUPER_ADMIN else Reach.ESTATE
            callers.append(_member(code, reach, permissions, code, ours))
    callers.append(_resident("resident", Reach.UNIT, 0, ours))
    callers.append(_resident("former resident", Reach.PAST, FORMER, ours))
    callers.append(_key(ours))
    for name, permissions in (("everything here", EVERYTHING), ("little", LITTLE)):
        role = RoleFactory.create(code=name.replace(" ", "-"), permissions=sorted(permissions))
        callers.append(_member(name, Reach.ESTATE, permissions, role, ours))
    return callers


def _member(
    name: str, reach: Reach, permissions: frozenset[str], role: str | Role, ours: World
) -> Caller:
    user = UserFactory.create(username=name.replace(" ", "-"), role=role)
    if reach is Reach.ESTATE:
        ours.estate.memberships.create(user=user)
    _device_of(user)
    headers = {"HTTP_AUTHORIZATION": basic(user.username)}
    return Caller(name, reach, permissions, headers, user, cookie=_session_of(user))


def _resident(name: str, reach: Reach, home: int, ours: World) -> Caller:
    user = User.objects.filter(resident__occupancies__unit=ours.units[home]).distinct().get()
    headers = {"HTTP_AUTHORIZATION": basic(user.username)}
    return Caller(name, reach, roles.LIVE, headers, user, home, _session_of(user))


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _key(ours: World) -> Caller:
    """A key for money of a super admin, bound to our estate."""
    chief = UserFactory.create()
    _device_of(chief)
    made = keys.make(
        user=chief, name="Billing", scopes=["wallets:write", "units:read"],
        estates=[ours.estate.pk], expires_at=None, at=timezone.now(),
    )  # fmt: skip
    permissions = frozenset(
        name for name in EVERYTHING if name.startswith(("wallets.", "units.view_"))
    )
    headers = {"HTTP_AUTHORIZATION": f"Bearer {made.text}"}
    return Caller("key", Reach.ESTATE, permissions, headers, chief)


def _device_of(user: User) -> None:
    Device.objects.create(user=user, platform="fcm", token=f"token of {user.username}")


def _furnished(code: str, *, units: int) -> World:
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
        _device_of(user)
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
    """A month that is closed, and what would differ in it."""
    now = timezone.now()
    this_month = first_of_month(local_day(now, built.estate.zone))
    month = first_of_month(this_month - timedelta(days=40))
    closings.close(estate=built.estate, month=month, actor=None, closed_at=now)
    for wallet in Wallet.objects.filter(unit__estate=built.estate):
        BillDifference.objects.create(
            wallet=wallet, estate=built.estate, utility="electricity", month=month,
            amount=Decimal(5), charged=Decimal(0), consumption_before=0, consumption_after=1000,
            cause="readings", found_at=now,
        )  # fmt: skip


def _plant(before: set[UUID]) -> None:
    """Write the canary into every text of the foreign rows that the database lets us change."""
    for model in _stored():
        if not isinstance(model._meta.pk, models.UUIDField) or model in (User, Role):
            continue
        rows = model._default_manager.exclude(pk__in=before)
        for one in model._meta.local_concrete_fields:
            is_text = isinstance(one, models.CharField | models.TextField) and not one.choices
            if is_text and not one.generated and one.name not in CODED:
                for row in rows:
                    _try_to_plant(model, row.pk, one.name, getattr(row, one.attname))


def _try_to_plant(model: type[models.Model], pk: UUID, name: str, value: str | None) -> None:
    if value is None or CANARY in value:
        return
    longest = model._meta.get_field(name).max_length or 60
    words = f"{CANARY} {str(pk)[-6:]}"[:longest]
    try:
        with transaction.atomic():
            model._default_manager.filter(pk=pk).update(**{name: words})
    except DatabaseError:
        # An append-only fact, or a text with a form of its own.
        return
