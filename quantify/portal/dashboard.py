"""The home page: what the estates hold, use and owe, and what waits for a person."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from estates.models import Estate
from quantify.periods import local_day
from quantify.portal import formats
from quantify.quantities import as_kilo
from reports.overview import consumption, credit, devices, money

PERIOD = timedelta(days=7)
SEVERITY = {"info": "info", "warning": "warning", "error": "danger", "critical": "danger"}
# Told apart by lightness too, for those who do not see the hues.
LINE_COLOURS = ["#0e7490", "#b45309", "#6d28d9", "#047857", "#be123c", "#4b5563"]

# By the page to add the first at: what is missing, what to do, and what who may not can do.
STEPS = {
    "estates_estate": (
        "No estates yet", "Add the first estate.", "Ask a super admin for a membership.",
    ),
    "units_unit": (
        "No units yet", "Add units; each is given its wallet.", "A property manager adds them.",
    ),
    "meters_concentrator": (
        "No meters yet", "Add a concentrator, then its meters, to see what is used.",
        "A property manager adds them.",
    ),
}  # fmt: skip


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the numbers of the home page, all within the person's estates and role."""
    user = request.user
    now = timezone.now()
    if isinstance(user, User):
        numbers: dict[str, Any] = {}
        for permission, block in BLOCKS.items():
            if user.has_perm(permission):
                numbers |= block(user, now)
        context |= {"title": "Home", **numbers}
        context["start"] = _what_to_do_first(user, numbers)
    return context


def _wallets(user: User, now: datetime) -> dict[str, Any]:
    balances = credit.balances(user)
    low = credit.lowest(user) if balances.low or balances.empty else []
    return {"balances": balances, "low_wallets": low}


def _flow(user: User, now: datetime) -> dict[str, Any]:
    return {"flow": money.flow(user, start=now - PERIOD, end=now)}


def _fleet(user: User, now: datetime) -> dict[str, Any]:
    return {"fleet": devices.fleet(user)}


def _alerts(user: User, now: datetime) -> dict[str, Any]:
    shown = [
        {
            "words": alerts.words,
            "number": alerts.number,
            "look": SEVERITY[alerts.severity],
            "url": _list("meters_meteralert", f"severity__exact={alerts.severity}"),
        }
        for alerts in devices.open_alerts(user)
    ]
    return {"alerts": shown}


def _consumption(user: User, now: datetime) -> dict[str, Any]:
    used = consumption.recent(user, today=local_day(now))
    return {
        "utilities": used.utilities,
        "used": used,
        "chart": _chart(used),
        "chart_rows": [
            {"day": day, "quantities": [estate.quantities[number] for estate in used.estates]}
            for number, day in enumerate(used.days)
        ],
        "chart_options": json.dumps(CHART_OPTIONS),
        "chart_summary": _summary(used),
    }


BLOCKS = {
    "wallets.view_wallet": _wallets,
    "wallets.view_transaction": _flow,
    "meters.view_meter": _fleet,
    "meters.view_meteralert": _alerts,
    "meters.view_dailyconsumption": _consumption,
}
"""What the page is made of, each by the permission to see it elsewhere."""


def _what_to_do_first(user: User, numbers: dict[str, Any]) -> dict[str, str] | None:
    """The next step of somebody who has nothing to look at yet."""
    if not Estate.objects.visible_to(user).alive().exists():
        return _step(user, "estates_estate")
    if "balances" in numbers and not numbers["balances"].wallets:
        return _step(user, "units_unit")
    if "fleet" in numbers and not numbers["fleet"].meters:
        return _step(user, "meters_concentrator")
    if not numbers:
        text = "Your role shows no figures here. What it opens stands in the menu."
        return {"title": "Welcome", "text": text}
    return None


def _step(user: User, page: str) -> dict[str, str]:
    title, text, otherwise = STEPS[page]
    app_label, model_name = page.split("_")
    if not user.has_perm(f"{app_label}.add_{model_name}"):
        return {"title": title, "text": otherwise}
    return {"title": title, "text": text, "url": reverse(f"admin:{page}_add")}


def _list(page: str, query: str) -> str:
    return f"{reverse(f'admin:{page}_changelist')}?{query}"


def _chart(used: consumption.Consumption) -> str:
    """The lines of the chart, as Chart.js reads them."""
    return json.dumps(
        {
            "labels": [*(f"{day:%d %b}" for day in used.days[:-1]), "Today"],
            "datasets": [
                {
                    "label": estate.estate,
                    "data": [str(as_kilo(quantity)) for quantity in estate.quantities],
                    "borderColor": LINE_COLOURS[number % len(LINE_COLOURS)],
                    "backgroundColor": LINE_COLOURS[number % len(LINE_COLOURS)],
                    "borderWidth": 2,
                    "pointRadius": 2,
                }
                for number, estate in enumerate(used.estates)
            ],
        }
    )


CHART_OPTIONS = {
    "animation": False,
    "responsive": True,
    "maintainAspectRatio": False,
    "plugins": {"legend": {"display": True, "position": "bottom"}},
    "scales": {
        "y": {"beginAtZero": True, "title": {"display": True, "text": "kWh a day"}},
        "x": {"grid": {"display": False}},
    },
}


def _summary(used: consumption.Consumption) -> str:
    """What the chart shows, in a sentence."""
    totals = [sum(column) for column in zip(*(e.quantities for e in used.estates), strict=True)]
    complete = totals[:-1]
    if not any(complete):
        return ""
    highest = max(range(len(complete)), key=complete.__getitem__)
    average = sum(complete) // len(complete)
    return (
        f"{formats.quantity_text(average, 'kWh')} a day on average; the most was "
        f"{formats.quantity_text(complete[highest], 'kWh')} on {used.days[highest]:%A %d %B}."
    )
