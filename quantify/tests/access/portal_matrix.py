"""What the access matrix asks of each page of the portal, as functions that fail with its name."""

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.urls import reverse

from quantify.tests.access.addresses import Address, of_pages
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import CANARY, OURS, UUIDS, Ground, undone
from quantify.tests.access.portal_sending import takers_of
from quantify.tests.access.portal_table import PAGES
from quantify.tests.access.table import Of, System
from quantify.tests.access.visiting import (
    Drawn,
    ask,
    body,
    expected_refusal,
    is_prepared,
    may,
    objects_of,
    path_of,
    prepare,
    shown_in,
    visitors,
    works_here,
)

DELETE = "delete_selected"
LOOKING, BOTH = ("GET",), ("GET", "POST")
EVERY_NAME = frozenset(name for named in of_pages().values() for name in named)
DRAWN = {"everything here": EVERY_NAME, "viewer": ("list", "change")}
"""Whose pages are drawn and read: who may do all, and what looks otherwise to who only looks."""


def check_answers(ground: Ground, address: Address) -> None:
    """Each caller at each object, looking and sending: let in, or refused as the table says."""
    # What is sent to one's own is sent filled in (`portal_sending`), if anybody may send it.
    both = LOOKING if takers_of(ground, address) else BOTH
    with undone():
        for caller in visitors(ground):
            for place, pk, methods in _asked(ground, address, caller, both):
                for method in methods:
                    _check_answer(ground, address, caller, place, pk, method)
        changed = ground.held.changes()
        assert not changed, f"{address} changed what it refused: {[*changed]}"


def _check_answer(
    ground: Ground, address: Address, caller: Caller, place: Place | None, pk: object, method: str
) -> None:
    where = f"{caller.name}: {method} {address} {place.value if place else ''}"
    expected = expected_refusal(address, caller, place, method)
    if expected is None:
        is_read = method == "GET" and place is not Place.NEIGHBOUR
        _check_let_in(ground, address, caller, pk, method, is_read=is_read)
        return
    answer = ask(path_of(address, pk), caller, method=method)
    assert answer.status_code in expected, f"{where}: {answer.status_code} {answer.content[:300]!r}"
    if caller.reach is not Reach.EVERYWHERE:
        leaks = ground.leaks(answer.content + repr(answer.headers).encode(), pk)
        assert not leaks, f"{where} tells of {leaks}"
    is_of_estates = isinstance(PAGES[address.page].of, Of)
    if is_of_estates and place is Place.FOREIGN and caller.name == "everything here":
        nothing = ask(path_of(address, unknown := uuid4()), caller, method=method)
        told, untold = _without(answer, pk), _without(nothing, unknown)
        assert told == untold, f"{where} is not as if there were nothing: {told} {untold}"


def _check_let_in(
    ground: Ground, address: Address, caller: Caller, pk: object, method: str, *, is_read: bool
) -> None:
    """An answer that lets in; what is read of it tells nothing foreign."""
    where = f"{caller.name}: {method} {address}"
    is_read = is_read and address.name in DRAWN.get(caller.name, ())
    drawn = Drawn.PAGE if is_read else Drawn.NOTHING
    # What only looks changes nothing that would have to be taken back.
    with undone() if method == "POST" or is_prepared(address) else nullcontext():
        prepare(address, pk)
        answer = ask(path_of(address, pk), caller, method=method, drawn=drawn)
    assert answer.status_code in (200, 302), f"{where}: {answer.status_code}"
    assert "/login/" not in answer.headers.get("Location", ""), where
    if is_read:
        leaks = ground.leaks(body(answer), pk)
        assert not leaks, f"{where} tells of {leaks}"


def _asked(
    ground: Ground, address: Address, caller: Caller, both: Sequence[str]
) -> Iterator[tuple[Place | None, object, Sequence[str]]]:
    """Where a caller looks, and where they send: at one's own to be refused, or at the foreign."""
    of = objects_of(address)
    is_everything = caller.name == "everything here"
    if not address.takes_object:
        sends = is_everything or not may(caller, address, "POST")
        yield None, None, both if sends else LOOKING
        return
    if isinstance(of, System):
        pk = ground.pick(of, Place.FOREIGN)
        yield Place.FOREIGN, pk, LOOKING if caller.reach is Reach.EVERYWHERE else both
        return
    is_shut = not works_here(caller) or not may(caller, address, "POST")
    if caller.reach is not Reach.EVERYWHERE:
        yield Place.OWN, ground.pick(of, Place.OWN), both if is_shut else LOOKING
    if is_everything and (pk := ground.pick(of, Place.NEIGHBOUR)) is not None:
        yield Place.NEIGHBOUR, pk, LOOKING
    if works_here(caller) and may(caller, address, "GET"):
        # What is sent there finds its object as what looks at it does: two of them are enough.
        foreign, is_chief = ground.pick(of, Place.FOREIGN), caller.reach is Reach.EVERYWHERE
        sends = is_shut if is_chief else caller.name in DRAWN
        yield Place.FOREIGN, foreign, BOTH if sends else LOOKING


# --- What lists hold ------------------------------------------------------------------------------


def check_list(ground: Ground, page: str) -> None:
    """A list, what was archived, and a search and a filter for what is foreign."""
    row, address = PAGES[page], of_pages()[page]["list"]
    if not isinstance(row.of, Of):
        return
    here, everywhere = ground.caller("everything here"), ground.caller("super_admin")
    if may(here, address, "GET"):
        assert rows_of(ask(address.path(), here, {"all": ""})), f"{page} is empty."
        for query in ({"deleted": "all"}, {"standing": "all"}, {"waiting": "all"}):
            leaks = ground.leaks(ask(address.path(), here, query, drawn=Drawn.PAGE).content)
            assert not leaks, f"{page} {query} tells of {leaks}"
        if admin.site.get_model_admin(row.of.model).search_fields:
            for words in (CANARY, f"{CANARY}-A001"):
                assert not rows_of(ask(address.path(), here, {"q": words})), f"{page} {words}"
        for name, foreign in _foreign_filters(ground, row.of):
            told, untold = (
                rows_of(ask(address.path(), here, {name: pk})) for pk in (foreign, uuid4())
            )
            assert told == untold, f"{page} by {name}: {told} {untold}"
    everything = ask(address.path(), everywhere, drawn=Drawn.PAGE)
    assert ground.leaks(body(everything)), f"{page}: no canary to be seen by anybody."


def _foreign_filters(ground: Ground, of: Of) -> Iterator[tuple[str, object]]:
    if of.estate not in ("pk", "scope", "notification__scope"):
        yield f"{of.estate}__id__exact", ground.theirs.estate.pk
    if of.unit not in (None, "pk"):
        yield f"{of.unit}__id__exact", ground.theirs.units[0].pk


def rows_of(answer: Any) -> list[Any]:
    """The rows of a list; none where a filter was refused, with or without leading back."""
    if answer.status_code == 400:
        return []
    if answer.status_code == 302:
        assert "e=1" in answer.headers["Location"], answer.headers["Location"]
        return []
    assert answer.status_code == 200, answer.status_code
    return list(shown_in(answer)["cl"].result_list)


def check_bulk(ground: Ground, page: str) -> None:
    """What is done to many rows of a list: the table's, and to none that is foreign."""
    row, address = PAGES[page], of_pages()[page]["list"]
    assert set(_bulk_of(page)) == set(row.bulk), f"{page}: say in PAGES what its list offers."
    if not isinstance(row.of, Of):
        return
    foreign = ground.pick(row.of, Place.FOREIGN)
    with undone():
        for name in (*row.bulk, DELETE):
            for caller in map(ground.caller, DRAWN):
                sent = {"action": name, "_selected_action": foreign, "post": "yes"}
                answer = ask(address.path(), caller, sent, method="POST")
                let_in = may(caller, address, "GET")
                assert (answer.status_code == 403) is not let_in, f"{caller.name}: {page} {name}"
        assert not ground.held.changes(), f"{page} changed what is foreign."


def _bulk_of(page: str) -> list[str]:
    shown = next(one for one in admin.site._registry.values() if one.opts.label_lower == page)
    offered = [] if shown.actions is None else shown._get_base_actions()
    return [one.name for one in offered if one.name != DELETE]


# --- Beside the registered pages ------------------------------------------------------------------


def check_site(ground: Ground, route: str, path: str, *, at_work: bool) -> None:
    """A page that is no object's: shut to who does not work here, and without what is foreign."""
    for caller in visitors(ground):
        answer = ask(path, caller, drawn=Drawn.WHOLE)
        where = f"{caller.name}: {route} {answer.status_code}"
        assert answer.status_code < 500, where
        if at_work and not works_here(caller):
            assert answer.status_code == 302, where
            assert answer.headers["Location"].startswith(reverse("admin:login")), where
        if caller.reach is not Reach.EVERYWHERE:
            leaks = ground.leaks(body(answer))
            assert not leaks, f"{where} tells of {leaks}"


def check_search(ground: Ground) -> None:
    """The search from everywhere finds what is one's own."""
    path = reverse("admin:search")
    for caller in visitors(ground):
        if works_here(caller):
            found = ask(path, caller, {"s": f"{CANARY}-A001"}, drawn=Drawn.PAGE)
            is_told = bool(set(UUIDS.findall(found.content.decode())) & ground.foreign_ids)
            assert is_told is (caller.reach is Reach.EVERYWHERE), caller.name
    own = ask(path, ground.caller("everything here"), {"s": f"{OURS}-A001"}, drawn=Drawn.PAGE)
    assert f"{OURS}-A001" in own.content.decode()


def _without(answer: Any, sent: object) -> tuple[int, str]:
    """An answer as it is whatever id was sent, and whenever."""
    text = answer.content.decode(errors="replace").replace(str(sent), "?")
    text = re.sub(r'(name="csrfmiddlewaretoken" value=)"[^"]*"', r"\1", text)
    return answer.status_code, re.sub(r'nonce="[^"]*"', "", text)
