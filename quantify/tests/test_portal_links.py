"""Every link that pages of the portal show, followed from the home page as people follow them."""

import re
from collections import deque
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.test import Client

from accounts import roles
from accounts.tests.factories import UserFactory
from quantify.tests import world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HREF = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"')
CODE = re.compile(r"&lt;bound method|&lt;[\w. ]+ object at 0x|&lt;function ")
"""What a page shows of a program where it should show its values."""
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)")


def links_in(page: str, address: str) -> Iterator[str]:
    """The addresses of the portal that a page leads to; to sign out is no link."""
    for href in HREF.findall(page):
        link = urljoin(address, unescape(href)).partition("#")[0]
        if link.startswith("/admin/") and not link.startswith("/admin/logout"):
            yield link


def kind_of(link: str) -> tuple[object, ...]:
    """The same for links that differ only in whose id they name, or in values of a query."""
    parts = urlsplit(link)
    return ID.sub("*", parts.path), frozenset(name for name, _ in parse_qsl(parts.query))


@pytest.mark.parametrize("role", [roles.PROPERTY_MANAGER, roles.BILLING_ADMIN, roles.VIEWER])
def test_no_link_leads_astray(role: str):
    user = UserFactory.create(role=role)
    world.build("WC001", members=[user])
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="accounts.backends.RoleBackend")
    waiting, followed, astray = deque([("/admin/", "")]), {kind_of("/admin/")}, []
    while waiting:
        address, shown_on = waiting.popleft()
        answer = client.get(address, follow=True)
        if answer.status_code != 200:
            astray.append(f"{answer.status_code} {address}, shown on {shown_on}")
        if answer.streaming or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = answer.content.decode()
        if found := CODE.search(page):
            astray.append(f"{found[0]} {address}, shown on {shown_on}")
        for link in links_in(page, answer.request["PATH_INFO"]):
            if kind_of(link) not in followed:
                followed.add(kind_of(link))
                waiting.append((link, address))

    assert len(followed) > 100
    assert not astray, "\n".join(astray)
