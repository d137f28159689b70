"""The command palette: the few things people look for by name or number."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.dataclasses import SearchResult

from estates.models import Estate
from meters.models import Concentrator, Meter
from quantify.portal.pages import object_url
from units.models import Resident, Unit
from wallets.models import Transaction, Wallet

SHORTEST = 2
EACH = 5
SOUGHT: list[tuple[type[Model], str]] = [
    (Estate, "location_city"),
    (Unit, "door_front"),
    (Wallet, "wallet"),
    (Resident, "group"),
    (Meter, "speed"),
    (Concentrator, "hub"),
    (Transaction, "receipt_long"),
]


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """Rows that match, of each kind a few, within the person's estates and permissions."""
    if len(term) < SHORTEST:
        return []
    return [result for model, icon in SOUGHT for result in _of(model, icon, request, term)]


def _of(model: type[Model], icon: str, request: HttpRequest, term: str) -> list[SearchResult]:
    page = admin.site.get_model_admin(model)
    if not page.has_view_permission(request):
        return []
    if model is Transaction:
        # People type the number as it is shown: T000000123.
        term = term.removeprefix("t").lstrip("0") or term
    rows, _ = page.get_search_results(request, page.get_queryset(request), term)
    if hasattr(rows, "alive"):
        rows = rows.alive()
    return [
        SearchResult(
            title=page.title_of(row),  # type: ignore[attr-defined]
            description=str(model._meta.verbose_name).capitalize(),
            link=object_url(row),
            icon=icon,
        )
        for row in rows[:EACH]
    ]
