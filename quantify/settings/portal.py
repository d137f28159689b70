"""How the portal looks: site name, sidebar and home page of django-unfold."""

from collections.abc import Callable

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

from quantify.portal.sidebar import leads_here

AXES_LOCKOUT_TEMPLATE = "portal/lockout.html"


def _may_view(model: str) -> Callable[[HttpRequest], bool]:
    """Whether the person may see the pages of a model, given as `app_label.model_name`."""
    app_label, model_name = model.split(".")
    return lambda request: request.user.has_perm(f"{app_label}.view_{model_name}")


def _is_super_admin(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _page(title: str, icon: str, model: str, **options: object) -> dict[str, object]:
    """A sidebar entry that leads to the list of a model, or to another page about it."""
    link = options.pop("link", reverse_lazy(f"admin:{model.replace('.', '_')}_changelist"))
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "active": leads_here(link),
        "permission": _may_view(model),
        **options,
    }


def _report(title: str, icon: str, slug: str) -> dict[str, object]:
    """A sidebar entry that leads to a report."""
    link = reverse_lazy("admin:report", args=[slug])
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "active": leads_here(link),
        "permission": lambda request: request.user.has_perm("reports.view_report"),
    }


def _system(title: str, icon: str, model: str) -> dict[str, object]:
    return _page(title, icon, model, permission=_is_super_admin)


SIDEBAR = [
    {
        "title": "Operate",
        "separator": False,
        "items": [
            {"title": "Home", "icon": "home", "link": reverse_lazy("admin:index")},
            _page(
                "Alerts",
                "notifications",
                "meters.meteralert",
                badge="quantify.portal.navigation.open_alerts",
                badge_variant="danger",
            ),
            _page("Exceptions", "rule", "meters.finding"),
            _page("Commands", "settings_remote", "meters.command"),
            _page(
                "Credit control",
                "rule_settings",
                "meters.command",
                link=reverse_lazy("admin:credit_control"),
            ),
            _page("Relay drift", "rule", "meters.relaydrift"),
            _page("Messages", "mail", "notifications.notification"),
            _page("Deliveries", "outgoing_mail", "notifications.delivery"),
            _page("Message templates", "edit_document", "notifications.template"),
        ],
    },
    {
        "title": "Estates",
        "separator": True,
        "items": [
            _page("Estates", "location_city", "estates.estate"),
            _page("Units", "door_front", "units.unit"),
            _page("Residents", "group", "units.resident"),
            _page("Occupancies", "key", "units.occupancy"),
            _page("Meters", "speed", "meters.meter"),
            _page("Installations", "construction", "meters.installation"),
            _page("Concentrators", "hub", "meters.concentrator"),
            _page("LoRaWAN devices", "settings_input_antenna", "meters.loradevice"),
            _page("Network servers", "cell_tower", "meters.networkserver"),
            _page("Meter keys", "key", "meters.meterkeys"),
        ],
    },
    {
        "title": "Money",
        "separator": True,
        "items": [
            _page("Wallets", "wallet", "wallets.wallet"),
            _page("Transactions", "receipt_long", "wallets.transaction"),
            _page("Adjustments", "balance", "wallets.adjustmentproposal"),
            _page("Suspense", "help_center", "wallets.suspensereceipt"),
            _page("Settlements", "no_accounts", "wallets.settlement"),
            _page("Bills", "description", "wallets.bill"),
            _page("Charges", "receipt", "wallets.charge"),
            _page("Differences", "difference", "wallets.billdifference"),
            _page("Closed months", "event_available", "wallets.monthclosing"),
            _page("Postings", "account_balance", "wallets.posting"),
            _page("Accounts", "account_balance_wallet", "wallets.accountbook"),
        ],
    },
    {
        "title": "Reports",
        "separator": True,
        "items": [
            _report("Consumption", "bar_chart", "estate-consumption"),
            _report("Analytics", "insights", "analytics"),
            _report("Reconciliation", "compare_arrows", "reconciliation"),
            _report("Revenue", "payments", "revenue"),
            _report("Transactions by kind", "receipt_long", "transactions"),
            _report("Low credit", "battery_alert", "low-credit"),
            _report("Arrears by age", "hourglass_bottom", "arrears"),
            _report("Disconnections", "power_off", "disconnections"),
            _report("Data quality", "fact_check", "data-quality"),
            _report("Resale compliance", "verified", "resale-compliance"),
        ],
    },
    {
        "title": "Rates",
        "separator": True,
        "items": [
            _page("Rate tables", "sell", "rates.ratetable"),
            _page("Versions", "history_edu", "rates.ratetableversion"),
            _page("Assignments", "assignment", "rates.assignment"),
            _page("References", "verified", "rates.referencetable"),
            _page("Calendars", "calendar_month", "rates.tariffcalendar"),
        ],
    },
    {
        "title": "Data",
        "separator": True,
        "items": [
            _page("Readings", "table_rows", "meters.reading"),
            _page("Intervals", "timeline", "meters.interval"),
            _page("Daily consumption", "bar_chart", "meters.dailyconsumption"),
            _page("Meter events", "history", "meters.meterevent"),
            _page("Conflicts", "compare_arrows", "meters.readingconflict"),
            _page("Uplinks", "sensors", "meters.uplink"),
            _page("Reading edits", "edit_note", "meters.readingedit"),
            _page("Registers", "pin", "meters.register"),
        ],
    },
    {
        "title": "System",
        "separator": True,
        "collapsible": True,
        "items": [
            _page("Estate settings", "tune", "estates.estatesettings"),
            _page("Check limits", "straighten", "meters.checklimit"),
            _system("Credit switch", "toggle_on", "wallets.creditswitch"),
            _system("People", "manage_accounts", "accounts.user"),
            _system("Roles", "badge", "accounts.role"),
            _system("API keys", "vpn_key", "accounts.apikey"),
            _system("Memberships", "diversity_3", "estates.membership"),
            _system("Lockouts", "lock", "axes.accessattempt"),
            _system("Audit trail", "fact_check", "accounts.auditentry"),
        ],
    },
]

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Quantify",
    "SITE_HEADER": "Quantify",
    "SITE_SUBHEADER": "Prepaid utilities",
    "SITE_SYMBOL": "bolt",
    "SITE_URL": reverse_lazy("admin:index"),
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "quantify.portal.navigation.environment",
    "DASHBOARD_CALLBACK": "quantify.portal.dashboard.home",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("quantify/favicon.svg"),
        }
    ],
    "STYLES": [lambda request: static("quantify/portal.css")],
    "ACCOUNT": {
        "navigation": [{"title": "My account", "link": reverse_lazy("my-account")}],
    },
    "COMMAND": {"search_callback": "quantify.portal.search.find"},
    "COLORS": {
        "primary": {
            "50": "oklch(97.3% .015 196)",
            "100": "oklch(94.2% .033 196)",
            "200": "oklch(88.8% .062 196)",
            "300": "oklch(81% .094 197)",
            "400": "oklch(71.2% .11 199)",
            "500": "oklch(60.9% .108 202)",
            "600": "oklch(50.8% .092 205)",
            "700": "oklch(44.2% .078 207)",
            "800": "oklch(38.4% .065 209)",
            "900": "oklch(34.1% .055 211)",
            "950": "oklch(25.1% .044 214)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": SIDEBAR,
    },
}
