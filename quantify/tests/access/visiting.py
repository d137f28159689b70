"""How the portal is visited: in whose session, and who is let in where by the table."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import PropertyMock, patch

from django.conf import settings
from django.contrib import admin
from django.template.response import TemplateResponse
from django.test import Client

from quantify.tests.access.addresses import Address, of_pages
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import Ground
from quantify.tests.access.portal_table import PAGES
from quantify.tests.access.table import System

VERBS = {"list": "view", "change": "view", "history": "view", "add": "add", "delete": "delete"}


def ask(
    path: str, caller: Caller, data: Mapping[str, object] | None = None, *, method: str = "GET"
) -> Any:
    """Send one request in a caller's session."""
    client = Client(raise_request_exception=False)
    if caller.cookie:
        client.cookies[settings.SESSION_COOKIE_NAME] = caller.cookie
    return (client.post if method == "POST" else client.get)(path, dict(data or {}))


def visitors(ground: Ground) -> list[Caller]:
    """Everybody but the key, which opens no page."""
    return [caller for caller in ground.callers if caller.name != "key"]


def works_here(caller: Caller) -> bool:
    return caller.user is not None and caller.user.is_staff


def address_of(route: str) -> Address:
    page, _, name = route.partition(" ")
    return of_pages()[page][name]


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
    is_seldom = own is not None and own.is_seldom
    if is_past or is_seldom or (address.takes_object and not row.has_objects):
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


@contextmanager
def drawing(*, wanted: bool) -> Iterator[None]:
    """Leave pages undrawn where only who is let in matters."""
    if wanted:
        yield
        return
    nothing = PropertyMock(return_value="")
    with (
        patch.object(TemplateResponse, "rendered_content", nothing),
        patch.object(type(admin.site), "each_context", lambda *_: {}),
    ):
        yield
