"""The command palette: the few things people look for by name or number."""

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from accounts.people import signed_in
from reports import search
from reports.search import Hit, Kind

SHOWN = 20
PAGES = {
    Kind.ESTATE: ("estates_estate", "location_city"),
    Kind.UNIT: ("units_unit", "door_front"),
    Kind.WALLET: ("wallets_wallet", "wallet"),
    Kind.RESIDENT: ("units_resident", "group"),
    Kind.METER: ("meters_meter", "speed"),
    Kind.CONCENTRATOR: ("meters_concentrator", "hub"),
    Kind.TRANSACTION: ("wallets_transaction", "receipt_long"),
}


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """What fits best, within the person's estates and permissions."""
    try:
        hits = search.find(
            user=signed_in(request), text=term[: search.LONGEST], limit=SHOWN, kinds=list(PAGES)
        )
    except search.TooShort:
        return []
    return [_result(hit) for hit in hits]


def _result(hit: Hit) -> SearchResult:
    page, icon = PAGES[hit.kind]
    return SearchResult(
        title=hit.title,
        description=f"{hit.kind.capitalize()}, {hit.where}" if hit.where else hit.kind.capitalize(),
        link=reverse(f"admin:{page}_change", args=[hit.id]),
        icon=icon,
    )
