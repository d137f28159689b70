"""
Whose objects each address of the API is about: the one table that the access matrix reads.

The permission of an operation comes from its view, and need not be repeated. What a new route
owes is one row here, or `test_api` fails with its name:

- `Of(Model, estate=...)` for an address that shows or changes objects of estates. `estate` leads
  from the model to its estate's id, and is written out here on purpose: were it read from
  `visible_to`, a mistake there could not be seen. `unit` leads to the unit whose residents may
  see the object too; without it residents see none. `where` picks objects that the operation is
  made for (a top-up can be reversed, a consumption explained), `parameter` names it where the
  address does not, `query` is what a GET needs besides, `body` what a POST needs before it
  looks at the objects that the body names.
- `Of(..., past=True)` where who lived in the unit once still sees what is of their own time.
- `Own(Model)` for objects of one person each, which nobody else sees, not even super admins.
- `System(Model)` for what belongs to no estate and is for super admins alone.
- `OPEN` for what anybody may read, `ONESELF` for what every person who signs in may, `MACHINE`
  for what asks for a secret of its own and never for a person.

A body or parameter that names another object by its id needs that name in `NAMED`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from accounts.models import ApiKey, AuditEntry, Role, User
from estates.models import Estate
from meters.models import (
    CheckLimit,
    Command,
    Concentrator,
    Finding,
    Interval,
    Meter,
    MeterAlert,
    MeterEvent,
    Reading,
    RelayDrift,
)
from notifications.models import Delivery, Device, Notification, Template
from rates.models import Assignment, RateTable, ReferenceTable
from units.models import Consent, Occupancy, Resident, Unit
from wallets.models import (
    AccountBook,
    AdjustmentProposal,
    BillDifference,
    MonthClosing,
    Settlement,
    SuspenseReceipt,
    Transaction,
    Wallet,
)


@dataclass(frozen=True)
class Of:
    """Objects of a model, and the ways from them to their estate and unit."""

    model: type[Model]
    estate: str = "estate"
    unit: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    parameter: str | None = None
    """The parameter that names the object, where the address does not."""
    is_anonymous: bool = False
    """Whether its files hold sums alone, so that no canary can be seen in them by anybody."""
    past: bool = False
    """Whether residents still see it after they left, as it was in their own time."""
    listed: type[Model] | None = None
    """What hangs on the object and is listed at this address, if it is not the object itself."""


@dataclass(frozen=True)
class Own:
    """Objects of the person who asks; to all others, whatever their role, there are none."""

    model: type[Model]
    holder: str = "user"


@dataclass(frozen=True)
class System:
    """Objects of no estate, for super admins alone; to everybody else every operation is shut."""

    model: type[Model]


OPEN, ONESELF, MACHINE = "open", "oneself", "machine"

ESTATES = Of(Estate, estate="pk")
UNITS = Of(Unit, unit="pk")
METERS = Of(Meter, unit="installations__unit")
PAST_METERS = Of(Meter, unit="installations__unit", past=True)
WALLETS = Of(Wallet, estate="unit__estate", unit="unit")
RESIDENTS = Of(Resident, unit="occupancies__unit", past=True)
CONSENTS = Of(Consent, estate="resident__estate", unit="resident__occupancies__unit", past=True)
CONCENTRATORS = Of(Concentrator)
RATE_TABLES = Of(RateTable)
ALERTS = Of(MeterAlert)
DRIFT = Of(RelayDrift, estate="meter__estate")
FINDINGS = Of(Finding, estate="meter__estate")
ADJUSTMENTS = Of(AdjustmentProposal)
CLOSINGS = Of(MonthClosing)
DIFFERENCES = Of(BillDifference)
SETTLEMENTS = Of(Settlement)
SUSPENSE = Of(SuspenseReceipt)
TRANSACTIONS = Of(Transaction, unit="wallet__unit", past=True)
CHARGES = Of(Transaction, unit="wallet__unit", where={"kind": "consumption_electricity"})
TOP_UPS = Of(Transaction, unit="wallet__unit", where={"kind": "topup"})

LIVES_IN = "user__resident__occupancies__unit"
DELIVERIES = Of(Delivery, estate="notification__scope", unit=LIVES_IN)
DEVICES = Own(Device)
MESSAGES = Of(Notification, estate="scope", unit=f"deliveries__{LIVES_IN}", past=True)
TEMPLATES = Of(
    Template,
    estate="scope",
    body={
        "event": "low_balance",
        "subject": "Low",
        "body": "Low",
        "short": "Low",
        "language": "af",
    },
)

SUMS = Of(Estate, estate="pk", parameter="estate", is_anonymous=True)

TABLE: dict[str, Of | Own | System | str] = {
    # --- Without an estate ----------------------------------------------------------------------
    "api-keys": System(ApiKey),
    "api-keys/<uuid:pk>": System(ApiKey),
    "api-keys/<uuid:pk>/rotate": System(ApiKey),
    "audit-log": System(AuditEntry),
    "audit-log/<uuid:pk>": System(AuditEntry),
    "auth/me": ONESELF,
    # Each operation in it goes through its own view; `test_api` puts every address into one.
    "batch": ONESELF,
    "docs": OPEN,
    "health/live": OPEN,
    "health/ready": OPEN,
    "integrations/chirpstack": MACHINE,
    "problems/<slug:code>": OPEN,
    "redoc": OPEN,
    "roles": System(Role),
    "roles/<uuid:pk>": System(Role),
    "schema": OPEN,
    # Bounded by what is found, which `test_api` looks for by the canary.
    "search": ONESELF,
    "users": System(User),
    "users/<uuid:pk>": System(User),
    # --- Estates and units ----------------------------------------------------------------------
    "estates": ESTATES,
    "estates/<uuid:pk>": ESTATES,
    "estates/<uuid:pk>/accounts": Of(Estate, estate="pk", listed=AccountBook),
    "estates/<uuid:pk>/assign-rates": Of(Estate, estate="pk", listed=Assignment),
    "estates/<uuid:pk>/checks": Of(Estate, estate="pk", listed=CheckLimit),
    "estates/<uuid:pk>/reference-rates": Of(Estate, estate="pk", listed=ReferenceTable),
    "estates/<uuid:pk>/settings": ESTATES,
    "residents": RESIDENTS,
    "residents/<uuid:pk>": RESIDENTS,
    "consents/<uuid:pk>": CONSENTS,
    "consents/<uuid:pk>/withdraw": CONSENTS,
    "residents/<uuid:pk>/consents": Of(
        Resident, unit="occupancies__unit", listed=Consent, past=True
    ),
    "residents/<uuid:pk>/reveal-identity": RESIDENTS,
    "residents/<uuid:pk>/sign-in": RESIDENTS,
    "units": UNITS,
    "units/<uuid:pk>": UNITS,
    "units/<uuid:pk>/assign-rates": UNITS,
    "units/<uuid:pk>/assign-resident": UNITS,
    "units/<uuid:pk>/settle": UNITS,
    "units/<uuid:pk>/vacate": UNITS,
    # --- Metering -------------------------------------------------------------------------------
    "concentrators": CONCENTRATORS,
    "concentrators/<uuid:pk>": CONCENTRATORS,
    "concentrators/<uuid:pk>/collect": CONCENTRATORS,
    "concentrators/<uuid:pk>/status": CONCENTRATORS,
    "findings": FINDINGS,
    "findings/<uuid:pk>": FINDINGS,
    "findings/<uuid:pk>/accept": FINDINGS,
    "findings/<uuid:pk>/edit": FINDINGS,
    "findings/<uuid:pk>/estimate": FINDINGS,
    "findings/<uuid:pk>/reject": FINDINGS,
    "findings/<uuid:pk>/snooze": FINDINGS,
    "findings/<uuid:pk>/undo": FINDINGS,
    "meter-alerts": ALERTS,
    "meter-alerts/<uuid:pk>": ALERTS,
    "meter-alerts/<uuid:pk>/acknowledge": ALERTS,
    "meter-alerts/<uuid:pk>/resolve": ALERTS,
    "meters": PAST_METERS,
    "meters/<uuid:pk>": PAST_METERS,
    "meters/<uuid:pk>/commands": Of(Meter, listed=Command),
    "meters/<uuid:pk>/events": Of(Meter, listed=MeterEvent),
    "meters/<uuid:pk>/install": METERS,
    "meters/<uuid:pk>/intervals": Of(Meter, unit="installations__unit", listed=Interval, past=True),
    "meters/<uuid:pk>/readings": Of(Meter, unit="installations__unit", listed=Reading, past=True),
    "meters/<uuid:pk>/remove": METERS,
    "meters/<uuid:pk>/replace": METERS,
    "meters/<uuid:pk>/status": METERS,
    "meters/<uuid:pk>/undo-replacement": METERS,
    "readings/import": METERS,
    "relay-drift": DRIFT,
    "relay-drift/<uuid:pk>": DRIFT,
    # --- Prices ---------------------------------------------------------------------------------
    "rate-assignments/<uuid:pk>": Of(Assignment),
    "rate-tables": RATE_TABLES,
    "rate-tables/<uuid:pk>": RATE_TABLES,
    "rate-tables/<uuid:pk>/calculate": RATE_TABLES,
    "rate-tables/<uuid:pk>/simulate": RATE_TABLES,
    # --- Money ----------------------------------------------------------------------------------
    "adjustments": ADJUSTMENTS,
    "adjustments/<uuid:pk>": ADJUSTMENTS,
    "adjustments/<uuid:pk>/approve": ADJUSTMENTS,
    "adjustments/<uuid:pk>/reject": ADJUSTMENTS,
    "adjustments/<uuid:pk>/withdraw": ADJUSTMENTS,
    "bill-differences": DIFFERENCES,
    "bill-differences/<uuid:pk>": DIFFERENCES,
    "bill-differences/<uuid:pk>/dismiss": DIFFERENCES,
    "bill-differences/<uuid:pk>/post": DIFFERENCES,
    "month-closings": CLOSINGS,
    "month-closings/<uuid:pk>": CLOSINGS,
    "settlements": SETTLEMENTS,
    "settlements/<uuid:pk>": SETTLEMENTS,
    "settlements/<uuid:pk>/collect": SETTLEMENTS,
    "suspense": SUSPENSE,
    "suspense/<uuid:pk>": SUSPENSE,
    "suspense/<uuid:pk>/allocate": SUSPENSE,
    "suspense/<uuid:pk>/return": SUSPENSE,
    "transactions": TRANSACTIONS,
    "transactions/<uuid:pk>": TRANSACTIONS,
    "transactions/<uuid:pk>/explain": CHARGES,
    "transactions/<uuid:pk>/reverse": TOP_UPS,
    "wallets": WALLETS,
    "wallets/<uuid:pk>": WALLETS,
    "wallets/<uuid:pk>/adjust": WALLETS,
    "wallets/<uuid:pk>/forecast": WALLETS,
    "wallets/<uuid:pk>/purchase": WALLETS,
    "wallets/<uuid:pk>/refund": WALLETS,
    "wallets/<uuid:pk>/service-charge": WALLETS,
    "wallets/<uuid:pk>/statement": Of(Wallet, estate="unit__estate", unit="unit", past=True),
    "wallets/<uuid:pk>/topup": WALLETS,
    # --- Messages -------------------------------------------------------------------------------
    "deliveries": DELIVERIES,
    "deliveries/<uuid:pk>": DELIVERIES,
    "deliveries/<uuid:pk>/retry": DELIVERIES,
    "devices": DEVICES,
    "devices/<uuid:pk>": DEVICES,
    "notification-settings": ONESELF,
    "notification-templates": TEMPLATES,
    "notification-templates/<uuid:pk>": TEMPLATES,
    "notification-templates/<uuid:pk>/preview": TEMPLATES,
    "notification-templates/<uuid:pk>/test": TEMPLATES,
    "notifications": MESSAGES,
    "notifications/<uuid:pk>": MESSAGES,
    "notifications/<uuid:pk>/read": MESSAGES,
    # --- Reports --------------------------------------------------------------------------------
    "reports/analytics": SUMS,
    "reports/arrears": SUMS,
    "reports/data-quality": SUMS,
    "reports/disconnections": SUMS,
    "reports/estate-consumption": SUMS,
    "reports/low-credit": SUMS,
    "reports/reconciliation": SUMS,
    "reports/revenue": SUMS,
    "reports/transactions": SUMS,
    "reports/resale-compliance": Of(Estate, estate="pk", parameter="estate"),
}

NAMED: dict[str, Of] = {
    "concentrator": CONCENTRATORS,
    "estate": ESTATES,
    "meter": METERS,
    "new_meter": METERS,
    "occupancy": Of(Occupancy, estate="unit__estate", unit="unit"),
    "rate_table": RATE_TABLES,
    "resident": RESIDENTS,
    "unit": UNITS,
    "wallet": WALLETS,
}
"""What parameters and fields of bodies name by its id."""
