"""
The permission table: which role may do what, in one readable place.

A permission is named as Django names it, `app.action_model`. Roles that people define
themselves are sets of the same names, kept in `Role.permissions`.
"""

SUPER_ADMIN = "super_admin"
PROPERTY_MANAGER = "property_manager"
BILLING_ADMIN = "billing_admin"
VIEWER = "viewer"
RESIDENT = "resident"


def _each(action: str, *models: str) -> frozenset[str]:
    return frozenset(
        f"{app}.{action}_{model}" for app, model in (name.split(".") for name in models)
    )


READ = _each(
    "view",
    "estates.estate", "estates.estatesettings",
    "units.unit", "units.resident", "units.occupancy", "units.consent",
    "meters.concentrator", "meters.meter", "meters.installation", "meters.register",
    "meters.reading", "meters.readingconflict", "meters.interval", "meters.dailyconsumption",
    "meters.meteralert", "meters.meterevent", "meters.command", "meters.relaydrift",
    "meters.finding", "meters.readingedit", "meters.checklimit",
    "meters.networkserver", "meters.loradevice", "meters.uplink",
    "rates.ratetable", "rates.ratetableversion", "rates.assignment", "rates.tariffcalendar",
    "rates.referencetable",
    "wallets.wallet", "wallets.transaction", "wallets.posting", "wallets.bill", "wallets.charge",
    "wallets.adjustmentproposal", "wallets.suspensereceipt", "wallets.suspenserelease",
    "wallets.accountbook", "wallets.settlement", "wallets.monthclosing", "wallets.billdifference",
    "notifications.notification", "notifications.delivery", "notifications.template",
    "reports.report",
)  # fmt: skip
MANAGE = (
    _each("change", "estates.estate", "estates.estatesettings")
    | _each("add", "units.unit", "units.resident", "units.occupancy")
    | _each("change", "units.unit", "units.resident", "units.occupancy")
    | _each("delete", "units.unit", "units.resident")
    | _each("invite", "units.resident")
    | _each("reveal", "units.resident")
    | _each("add", "units.consent")
    | _each("change", "units.consent")
    | _each("add", "meters.concentrator", "meters.meter", "meters.installation", "meters.reading")
    | _each("change", "meters.concentrator", "meters.meter", "meters.meteralert")
    | _each("delete", "meters.meter")
    | _each("collect", "meters.concentrator")
    | _each("add", "meters.networkserver")
    | _each("change", "meters.networkserver")
    | _each("register", "meters.loradevice")
    | _each("operate", "meters.meter")
    | _each("decide", "meters.finding")
    | _each("add", "meters.checklimit")
    | _each("change", "meters.checklimit")
    | _each("delete", "meters.checklimit")
    | _each("topup", "wallets.wallet")
    | _each("announce", "notifications.notification")
    | _each("retry", "notifications.delivery")
    | _each("add", "notifications.template")
    | _each("change", "notifications.template")
    | _each("delete", "notifications.template")
)
BILL = (
    _each("topup", "wallets.wallet")
    | _each("purchase", "wallets.wallet")
    | _each("change", "wallets.wallet")
    | _each("reverse", "wallets.transaction")
    | _each("adjust", "wallets.wallet")
    | _each("refund", "wallets.wallet")
    | _each("add", "wallets.suspensereceipt")
    | _each("add", "wallets.settlement", "wallets.monthclosing")
    | {"wallets.allocate_suspense", "wallets.collect_settlement"}
    | _each("add", "rates.ratetable", "rates.ratetableversion", "rates.assignment")
    | _each("change", "rates.ratetable", "rates.ratetableversion", "rates.assignment")
    | _each("delete", "rates.ratetable", "rates.assignment", "rates.referencetable")
    | _each("add", "rates.referencetable")
    | _each("change", "rates.referencetable")
)

# What no built-in role may do but the super admin; a role of one's own may be given it.
EXCEPTIONAL = frozenset({"wallets.override_reversal", "accounts.view_auditentry"})

# Of their own home alone, and of the time in which they lived there.
LIVE = _each(
    "view",
    "units.unit", "units.resident", "units.occupancy", "units.consent",
    "meters.meter", "meters.reading", "meters.interval", "meters.dailyconsumption",
    "wallets.wallet", "wallets.transaction", "wallets.posting", "wallets.bill", "wallets.charge",
    "notifications.notification",
)  # fmt: skip

GRANTABLE = READ | MANAGE | BILL | EXCEPTIONAL
"""What a role of one's own may be given; everything else is for super admins only."""

BUILT_IN: dict[str, tuple[str, frozenset[str]]] = {
    # Super admins are not bounded by a set: `User.has_perm` answers yes for them.
    SUPER_ADMIN: ("Super admin", frozenset()),
    PROPERTY_MANAGER: ("Property manager", READ | MANAGE),
    BILLING_ADMIN: ("Billing admin", READ | BILL),
    VIEWER: ("Viewer", READ),
    RESIDENT: ("Resident", LIVE),
}
