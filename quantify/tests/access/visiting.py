"""How the portal is visited: in whose session, and who is let in where by the table."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from enum import Enum
from typing import Any
from unittest.mock import PropertyMock, patch

from django.conf import settings
from django.contrib import admin
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.test.client import ClientHandler

from accounts.backends import RoleBackend
from quantify.tests.access.addresses import Address, of_pages
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import Ground
from quantify.tests.access.portal_states import STATES, State
from quantify.tests.access.portal_table import PAGES
from quantify.tests.access.table import Of, System

VERBS = {"list": "view", "change": "view", "history": "view", "add": "add", "delete": "delete"}


class Drawn(Enum):
    """How much of an answer's page is drawn."""

    NOTHING = "where only who is let in matters"
    PAGE = "without the sidebar, which all pages share"
    WHOLE = "as people see it"


class Browser(RequestFactory):
    """Sends requests as Django's test client does, without a copy of every template's context."""

    handler = ClientHandler(enforce_csrf_checks=False)

    def request(self, **asked: Any) -> Any:
        return self.handler(self._base_environ(**asked))


def ask(
    path: str,
    caller: Caller,
    data: Mapping[str, object] | None = None,
    *,
    method: str = "GET",
    drawn: Drawn = Drawn.NOTHING,
) -> Any:
    """Send one request in a caller's session."""
    browser = Browser()
    if caller.cookie:
        browser.cookies[settings.SESSION_COOKIE_NAME] = caller.cookie
    # Whose session it is, is known: the same row is not read again for each request.
    known = patch.object(RoleBackend, "get_user", lambda *_: copy(caller.user))
    with _drawing(drawn), known:
        return (browser.post if method == "POST" else browser.get)(path, dict(data or {}))


def visitors(ground: Ground) -> list[Caller]:
    """Everybody but the key, which opens no page."""
    return [caller for caller in ground.callers if caller.name != "key"]


def works_here(caller: Caller) -> bool:
    return caller.user is not None and caller.user.is_staff


def address_of(route: str) -> Address:
    page, _, name = route.partition(" ")
    return of_pages()[page][name]


def state_of(address: Address) -> State:
    return STATES.get(str(address), State())


def objects_of(address: Address) -> Of | System:
    """Whose objects a page is about, and in which state; not of one unit where that is seldom."""
    of = PAGES[address.page].of
    where = state_of(address).where
    if not where or isinstance(of, System):
        return of
    return replace(of, where={**of.where, **where}, unit=None)


def prepare(address: Address, pk: object) -> None:
    """Let an object be as its page needs it, as far as that is a matter of its own fields."""
    if given := _given(address):
        PAGES[address.page].of.model._default_manager.filter(pk=pk).update(**given)


def is_prepared(address: Address) -> bool:
    return bool(_given(address))


def _given(address: Address) -> Mapping[str, Any]:
    pages = PAGES[address.page].pages
    return pages[address.name].given if address.name in pages else {}


def expected_refusal(
    address: Address, caller: Caller, place: Place | None, method: str
) -> tuple[int, ...] | None:
    """The statuses that refuse; None lets in."""
    if not works_here(caller):
        return (302,)
    row = PAGES[address.page]
    own = row.pages.get(address.name)
    if own is not None and own.is_only_sent and method == "GET":
        return (405,)
    if not may(caller, address, method):
        # What is sent to the page of an object looks for the object first.
        return (403, 404) if method == "POST" and address.takes_object else (403,)
    is_past = verb_of(address, method) in row.kept.split()
    if is_past or (address.takes_object and not row.has_objects):
        return (403, 404)
    if place is None or isinstance(row.of, System) or caller.sees(row.of, place):
        return None
    return (403, 404)


def may(caller: Caller, address: Address, method: str) -> bool:
    """Whether the table opens a page to a caller."""
    row = PAGES[address.page]
    is_a_chiefs = isinstance(row.of, System) and not row.is_shared
    is_a_chiefs = is_a_chiefs or verb_of(address, method) in row.chiefs.split()
    if is_a_chiefs and caller.reach is not Reach.EVERYWHERE:
        return False
    return caller.may(permission_of(address, method))


def permission_of(address: Address, method: str) -> str | None:
    """The permission a page asks for; None is nobody's."""
    row, (app, model) = PAGES[address.page], address.page.split(".")
    if address.name in row.pages:
        return row.pages[address.name].permission
    verb = verb_of(address, method)
    return f"{app}.{verb}_{model}" if verb == "view" or verb in row.offers.split() else None


def verb_of(address: Address, method: str) -> str:
    return "change" if (address.name, method) == ("change", "POST") else VERBS.get(address.name, "")


def path_of(address: Address, pk: object) -> str:
    return address.path(pk).replace("<slug:slug>", "revenue")


def body(answer: Any) -> bytes:
    return answer.getvalue() if answer.streaming else answer.content


def shown_in(answer: Any) -> Mapping[str, Any]:
    """What a page was to be drawn of; nothing where the answer is no page."""
    return getattr(answer, "context_data", None) or {}


@contextmanager
def _drawing(drawn: Drawn) -> Iterator[None]:
    site = type(admin.site)
    with ExitStack() as stack:
        if drawn is Drawn.PAGE:
            stack.enter_context(patch.object(site, "get_sidebar_list", lambda *_: []))
        if drawn is Drawn.NOTHING:
            nothing = PropertyMock(return_value="")
            stack.enter_context(patch.object(TemplateResponse, "rendered_content", nothing))
            stack.enter_context(patch.object(site, "each_context", lambda *_: {}))
        yield
