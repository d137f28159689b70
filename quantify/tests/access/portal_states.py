"""
The states in which pages of the portal do what they are for, and what is filled in there.

Forms are sent as they are offered, and what is missing is filled in by the kind of its field
(`portal_filling`). A page owes a row here only if its object must be chosen (`where`), if a rule
asks for more than a value of the right kind (`sent`), or if it changes nothing (`is_reading`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import PASSWORD
from meters.models import Finding, Meter, Reading
from notifications.models import Notification, Template
from quantify.periods import first_of_month
from quantify.quantities import format_kilo
from quantify.tests.world import World
from rates.models import RateTable
from units.models import Consent, Unit

type Sent = Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True)
class State:
    where: Mapping[str, Any] = field(default_factory=dict)
    sent: Sent = lambda ours: {}
    is_reading: bool = False


def always(**sent: Any) -> Sent:
    return lambda ours: sent


def _meter(ours: World, ending: str) -> Any:
    return Meter.objects.get(serial=f"{ours.estate.code}-{ending}").pk


def _unit(ours: World, ending: str) -> Any:
    return Unit.objects.get(unit_number=f"{ours.estate.code}-{ending}").pk


def _moment(name: str, at: datetime) -> dict[str, str]:
    """As two fields of a form, in local time."""
    local = timezone.localtime(at)
    return {f"{name}_0": f"{local:%Y-%m-%d}", f"{name}_1": f"{local:%H:%M:%S}"}


def _newest(ours: World) -> Reading:
    return ours.meters[0].readings.latest("taken_at")


def _taken_down(ours: World) -> dict[str, Any]:
    last = _newest(ours)
    return _moment("ends_at", last.taken_at) | {"closing_value": last.value}


def _replaced(ours: World) -> dict[str, Any]:
    last = _newest(ours)
    return _moment("at", last.taken_at) | {
        "closing_value": format_kilo(last.value), "new_meter": _meter(ours, "E900"),
    }  # fmt: skip


def _edited(ours: World) -> dict[str, Any]:
    finding = Finding.objects.filter(meter=ours.meters[0]).order_by("pk")[0]
    within = ours.meters[0].readings.filter(
        taken_at__gte=finding.starts_at, taken_at__lte=finding.ends_at
    )
    one = within.earliest("taken_at")
    return {"taken_at": one.taken_at.isoformat(), "value": format_kilo(one.value)}


def _a_file(ours: World) -> dict[str, Any]:
    line = f"{ours.estate.code}-W004,2026-07-01 08:15,1"
    content = f"meter,taken_at,value\n{line}\n".encode()
    return {"file": SimpleUploadedFile("readings.csv", content)}


def _a_template(ours: World) -> dict[str, Any]:
    """One that is not there yet."""
    known = set(Template.objects.filter(scope=None).values_list("event", "language"))
    event, language = next(
        one for one in product(Notification.Event.values, ("af", "en")) if one not in known
    )
    return {"event": event, "language": language}


def _spare_table(ours: World) -> dict[str, Any]:
    return {"rate_table": RateTable.objects.get(estate=ours.estate, **SPARE).pk}


READING = State(is_reading=True)
IN_STORE = {"serial__endswith": "-W004"}
IDLE = {"serial__endswith": "-E900"}
SPARE = {"name__endswith": " spare"}
GONE = {"occupancies__ends_on": date(2025, 7, 1), "user": None}
EMPTY = {"unit_number__endswith": "-B003"}
PRICES = '[{"kind": "energy", "price": "2.10"}]'
NEW_PASSWORD = always(username="example", password1=PASSWORD, password2=PASSWORD)

STATES: dict[str, State] = {
    "accounts.user add": State(sent=NEW_PASSWORD),
    "accounts.user password": State(sent=NEW_PASSWORD),
    "accounts.user password_link": READING,
    # It has units, and stays: they are told so.
    "estates.estate delete": READING,
    "estates.estate reports/<slug:slug>": READING,
    "estates.estate resale": READING,
    "estates.membership add": State(
        sent=lambda ours: {"user": User.objects.get(username="super_admin").pk}
    ),
    "meters.checklimit add": State(sent=always(parameter="gap.history", value="28")),
    "meters.checklimit change": State(sent=always(value="60")),
    "meters.command credit-control": READING,
    "meters.concentrator collect_now": READING,
    "meters.finding edit_reading": State(sent=_edited),
    "meters.finding snooze": State(
        sent=lambda ours: _moment("until", timezone.now() + timedelta(days=1))
    ),
    "meters.finding undo": State(where={"state": "closed"}),
    "meters.installation add": State(
        sent=lambda ours: {"meter": _meter(ours, "W004"), "unit": _unit(ours, "B002")}
    ),
    "meters.installation change": State(sent=_taken_down),
    "meters.loradevice release": State(where={"meter__isnull": False}),
    "meters.meter ask_again": READING,
    "meters.meter delete": State(where=IN_STORE),
    "meters.meter disconnect": State(where=IDLE),
    "meters.meter enter_reading": State(where=IN_STORE),
    "meters.meter read_relay": State(where=IDLE),
    "meters.meter reconnect": State(where=IDLE),
    "meters.meter replace": State(sent=_replaced),
    "meters.meter undo_replacement": State(where={"serial__endswith": "-W002"}),
    "meters.meterkeys add": State(
        sent=lambda ours: {"meter": _meter(ours, "W004"), "password": "12345678"}
    ),
    "meters.meterkeys change": State(sent=always(password="12345678")),
    # It is shown what would be recorded: that is recorded, and taken back.
    "meters.reading import_file": State(sent=_a_file),
    "meters.register add": State(sent=lambda ours: {"meter": _meter(ours, "W004")}),
    "meters.register delete": State(where={"meter__serial__endswith": "-W004"}),
    "notifications.template add": State(sent=_a_template),
    "rates.ratetable add": State(
        sent=lambda ours: {"estate": ours.estate.pk, "components": PRICES}
    ),
    "rates.ratetable delete": State(where=SPARE),
    "rates.ratetable preview": READING,
    "rates.ratetable simulate": READING,
    "rates.ratetableversion add": State(
        sent=lambda ours: {
            "rate_table": ours.rate_table.pk,
            "components": PRICES,
            "effective_from": timezone.localdate() + timedelta(days=40),
        }
    ),
    "rates.referencetable add": State(sent=_spare_table),
    "rates.referencetable change": State(sent=_spare_table),
    "units.occupancy add": State(sent=lambda ours: {"unit": _unit(ours, "B001")}),
    "units.resident announce": READING,
    "units.resident delete": State(where=GONE),
    "units.resident invite": State(where={"user": None}),
    "units.resident take_consent": State(sent=always(purpose=Consent.Purpose.values[-1])),
    "units.unit delete": State(where=EMPTY),
    "units.unit move_in": READING,
    "wallets.monthclosing add": State(
        sent=lambda ours: {"month": first_of_month(timezone.localdate()) - timedelta(days=1)}
    ),
    "wallets.settlement collect": State(where={"debt__gt": 0}),
    "wallets.suspensereceipt allocate": State(
        sent=lambda ours: {"unit": f"{ours.estate.code} {ours.units[0].unit_number}"}
    ),
    "wallets.transaction reverse": State(where={"kind": "topup", "amount": 20}),
    "wallets.wallet settle": State(where={"unit__unit_number__endswith": "-B003"}),
    "wallets.wallet statement": READING,
    "wallets.wallet top_up": State(sent=always(amount="100")),
}
