"""
Who opens which page of the portal, and whose objects it is about.

A registered page owes one row in `PAGES`, an address beside them one in `SITE`; without it
`test_portal` fails with its name. A row says of which estate its objects are (as in `table`), which
of `add`, `change` and `delete` it offers at all, its own pages with their permissions, and what is
done to many rows of its list. Looking at it needs the model's `view`, the others their own.

Residents and strangers are led to the sign-in by every page. Choices and autocompletes need no
row: they are found in the forms. A choice of a model that is not in `CHOSEN` is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.db.models import Model
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, Role, User
from estates.models import Estate, EstateSettings, Membership
from meters.models import (
    CheckLimit,
    Command,
    Concentrator,
    DailyConsumption,
    Installation,
    Interval,
    LoraDevice,
    Meter,
    MeterEvent,
    MeterKeys,
    NetworkServer,
    Reading,
    ReadingConflict,
    ReadingEdit,
    Register,
    Uplink,
)
from meters.vee.rules import BY_CODE
from quantify.tests.access import table
from quantify.tests.access.table import Of, System
from rates.models import Assignment, RateTable, RateTableVersion, ReferenceTable, TariffCalendar
from units.models import Consent, Occupancy, Resident, Unit
from wallets.models import AccountBook, Bill, Charge, CreditSwitch, Posting, Wallet

ARCHIVED = {"deleted_at": timezone.now()}
TO_COME = timezone.localdate() + timedelta(days=40)


@dataclass(frozen=True)
class Own:
    """A page of its own: the permission, and the state in which its object must be."""

    permission: str
    given: Mapping[str, Any] = field(default_factory=dict)
    is_only_sent: bool = False
    """Whether it takes what is sent, and there is nothing to look at."""


@dataclass(frozen=True)
class Page:
    of: Of | System
    offers: str = ""
    pages: Mapping[str, Own] = field(default_factory=dict)
    bulk: Mapping[str, str] = field(default_factory=dict)
    has_objects: bool = True
    """Whether a row has a page; those of long series have none."""
    is_shared: bool = False
    """Whether those who may look see it, though it is of no estate; else it is a super admin's."""
    chiefs: str = ""
    """Of what it offers, what is for super admins alone whatever a role of one's own allows."""
    kept: str = ""
    """Of what it offers, what the objects of the ground are past: all are refused."""


def own(permission: str, *names: str, **given: Any) -> dict[str, Own]:
    return {name: Own(permission, given) for name in names}


def _rule_for(answer: str) -> str:
    """A rule whose findings are answered in this way."""
    return next(code for code, check in BY_CODE.items() if answer in check.actions)


RESTORE = {name: {"restore": Own(name, ARCHIVED)} for name in (
    "accounts.delete_role", "accounts.delete_user", "estates.delete_estate",
    "meters.delete_concentrator", "meters.delete_meter", "meters.delete_networkserver",
    "rates.delete_ratetable", "units.delete_resident", "units.delete_unit",
)}  # fmt: skip
OF_METER = {"estate": "meter__estate"}
METER = "meters.operate_meter"

PAGES: dict[str, Page] = {
    # --- For super admins -----------------------------------------------------------------------
    "accounts.apikey": Page(
        System(ApiKey), "add change delete", own("accounts.change_apikey", "rotate")
    ),
    "accounts.auditentry": Page(System(AuditEntry)),
    "accounts.role": Page(
        System(Role), "add change delete", RESTORE["accounts.delete_role"], kept="change delete"
    ),
    "accounts.user": Page(
        System(User),
        "add change delete",
        RESTORE["accounts.delete_user"]
        | own("accounts.change_user", "password", "password_link", "end_sessions")
        | own("accounts.change_user", "take_app_away", second_factor_at=timezone.now()),
    ),
    "axes.accessattempt": Page(System(AccessAttempt), bulk={"release": "axes.view_accessattempt"}),
    "estates.membership": Page(System(Membership), "add change delete"),
    "wallets.creditswitch": Page(System(CreditSwitch), "add change", kept="add"),
    # --- Estates and units ----------------------------------------------------------------------
    "estates.estate": Page(
        table.ESTATES,
        "add change delete",
        RESTORE["estates.delete_estate"]
        | own("reports.view_report", "resale", "reports/<slug:slug>"),
    ),
    "estates.estatesettings": Page(Of(EstateSettings), "change"),
    "units.occupancy": Page(Of(Occupancy, estate="unit__estate", unit="unit"), "add change"),
    "units.resident": Page(
        table.RESIDENTS,
        "add change delete",
        RESTORE["units.delete_resident"]
        | own("units.invite_resident", "invite", "end_sign_in")
        | own("units.reveal_resident", "reveal")
        | own("units.add_consent", "take_consent")
        | own("units.change_consent", "withdraw_consent")
        | own("notifications.announce_notification", "announce"),
    ),
    "units.unit": Page(
        table.UNITS,
        "add change delete",
        RESTORE["units.delete_unit"]
        | own("units.add_occupancy", "move_in")
        | own("units.change_occupancy", "move_out"),
    ),
    # --- Metering -------------------------------------------------------------------------------
    "meters.checklimit": Page(Of(CheckLimit), "add change delete"),
    "meters.command": Page(
        Of(Command, **OF_METER), pages=own("meters.view_command", "credit-control")
    ),
    "meters.concentrator": Page(
        table.CONCENTRATORS,
        "add change delete",
        RESTORE["meters.delete_concentrator"] | own("meters.collect_concentrator", "collect_now"),
    ),
    "meters.dailyconsumption": Page(Of(DailyConsumption, **OF_METER), has_objects=False),
    "meters.finding": Page(
        table.FINDINGS,
        pages=own("meters.decide_finding", "accept", "snooze", "undo")
        | own("meters.decide_finding", "edit_reading", rule=_rule_for("edit"))
        | own("meters.decide_finding", "reject", rule=_rule_for("reject"))
        | own("meters.decide_finding", "estimate", rule=_rule_for("estimate")),
    ),
    "meters.installation": Page(Of(Installation, **OF_METER, unit="unit"), "add change"),
    "meters.interval": Page(Of(Interval, **OF_METER), has_objects=False),
    "meters.loradevice": Page(
        Of(LoraDevice, estate="server__estate"),
        pages=own("meters.register_loradevice", "register_meter", "release"),
    ),
    "meters.meter": Page(
        table.METERS,
        "add change delete",
        RESTORE["meters.delete_meter"]
        | own(METER, "disconnect", "reconnect", "read_relay", has_relay=True)
        | own("meters.add_installation", "replace", "undo_replacement")
        | own("meters.add_reading", "enter_reading")
        | own("meters.collect_concentrator", "ask_again"),
    ),
    "meters.meteralert": Page(
        table.ALERTS, pages=own("meters.change_meteralert", "acknowledge", "resolve")
    ),
    "meters.meterevent": Page(Of(MeterEvent, **OF_METER)),
    "meters.meterkeys": Page(Of(MeterKeys, **OF_METER), "add change"),
    "meters.networkserver": Page(
        Of(NetworkServer),
        "add change",
        RESTORE["meters.delete_networkserver"] | own("meters.change_networkserver", "new_secret"),
    ),
    "meters.reading": Page(
        Of(Reading, **OF_METER), pages=own("meters.add_reading", "import_file"), has_objects=False
    ),
    "meters.readingconflict": Page(Of(ReadingConflict, **OF_METER)),
    "meters.readingedit": Page(Of(ReadingEdit, **OF_METER)),
    "meters.register": Page(Of(Register, **OF_METER), "add change delete"),
    "meters.relaydrift": Page(table.DRIFT),
    "meters.uplink": Page(Of(Uplink, estate="device__server__estate")),
    # --- Prices ---------------------------------------------------------------------------------
    "rates.assignment": Page(
        Of(Assignment),
        "add change",
        own("rates.delete_assignment", "withdraw", effective_from=TO_COME),
    ),
    "rates.ratetable": Page(
        table.RATE_TABLES,
        "add change delete",
        RESTORE["rates.delete_ratetable"]
        | own("reports.view_report", "simulate")
        | {"preview": Own("rates.add_ratetable", is_only_sent=True)},
    ),
    "rates.ratetableversion": Page(
        Of(RateTableVersion, estate="rate_table__estate"), "add change", kept="change"
    ),
    "rates.referencetable": Page(Of(ReferenceTable), "add change delete"),
    "rates.tariffcalendar": Page(System(TariffCalendar), is_shared=True),
    # --- Money ----------------------------------------------------------------------------------
    "wallets.accountbook": Page(Of(AccountBook)),
    "wallets.adjustmentproposal": Page(
        table.ADJUSTMENTS, pages=own("wallets.adjust_wallet", "approve", "reject")
    ),
    "wallets.bill": Page(Of(Bill, estate="wallet__unit__estate")),
    "wallets.billdifference": Page(
        table.DIFFERENCES,
        pages=own("wallets.adjust_wallet", "post_difference", "dismiss"),
        bulk=dict.fromkeys(("post_selected", "dismiss_selected"), "wallets.adjust_wallet"),
    ),
    "wallets.charge": Page(Of(Charge, estate="transaction__estate")),
    "wallets.monthclosing": Page(table.CLOSINGS, "add"),
    "wallets.posting": Page(Of(Posting, estate="transaction__estate")),
    "wallets.settlement": Page(
        table.SETTLEMENTS, pages=own("wallets.collect_settlement", "collect")
    ),
    "wallets.suspensereceipt": Page(
        table.SUSPENSE, "add", own("wallets.allocate_suspense", "allocate", "give_back")
    ),
    "wallets.transaction": Page(
        table.TRANSACTIONS, pages=own("wallets.reverse_transaction", "reverse")
    ),
    "wallets.wallet": Page(
        table.WALLETS,
        "change",
        own("wallets.topup_wallet", "top_up")
        | own("wallets.refund_wallet", "refund")
        | own("wallets.adjust_wallet", "adjust", "service_charge")
        | own("wallets.add_settlement", "settle")
        | own("wallets.view_transaction", "statement"),
    ),
    # --- Messages -------------------------------------------------------------------------------
    "notifications.delivery": Page(
        table.DELIVERIES, bulk={"retry": "notifications.retry_delivery"}
    ),
    "notifications.notification": Page(table.MESSAGES),
    "notifications.template": Page(table.TEMPLATES, "add change delete", chiefs="add"),
}

OPEN, AT_WORK, SIGNED_IN, MACHINE = "open", "at work", "signed in", "machine"
SITE: dict[str, str] = {
    "": OPEN,
    "admin/": AT_WORK,
    "admin/<app_label>": AT_WORK,
    "admin/<url>": AT_WORK,
    "admin/account": AT_WORK,
    "admin/account/second-factor": AT_WORK,
    "admin/account/sessions": AT_WORK,
    "admin/autocomplete/": AT_WORK,
    "admin/jsi18n/": AT_WORK,
    "admin/login/": OPEN,
    "admin/logout/": OPEN,
    "admin/password_change/": AT_WORK,
    "admin/password_change/done/": AT_WORK,
    "admin/r/<path:content_type_id>/<path:object_id>/": AT_WORK,
    "admin/search/": AT_WORK,
    "admin/sign-in/code": OPEN,
    "metrics": MACHINE,
    "password-is-set": OPEN,
    "set-password/<uidb64>/<token>": OPEN,
}
"""Addresses beside the registered pages, and who may open them."""

CHOSEN: dict[type[Model], Of] = {
    Concentrator: table.CONCENTRATORS,
    Consent: table.CONSENTS,
    Estate: table.ESTATES,
    Meter: table.METERS,
    RateTable: table.RATE_TABLES,
    Resident: table.RESIDENTS,
    Unit: table.UNITS,
    Wallet: table.WALLETS,
}
"""What forms let people choose among."""
