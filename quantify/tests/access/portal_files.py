"""The files that the portal gives: of one's own estate, whole, and of no other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from quantify.periods import first_of_month
from quantify.tables.files import FORMATS
from quantify.tests.access.callers import Caller, Place, Reach
from quantify.tests.access.ground import CANARY, OURS, Ground, readable
from quantify.tests.access.table import ESTATES, WALLETS
from quantify.tests.access.visiting import Drawn, ask, body, visitors, works_here
from reports.catalogue import PAGES

REPORT, STATEMENT, RESALE = "reports", "statement", "resale"
PERMISSIONS = {
    REPORT: "reports.view_report",
    STATEMENT: "wallets.view_transaction",
    RESALE: "reports.view_report",
}
NAMING = ("unit", "meter", "transaction")
"""Rows that name what is of an estate; a report without them holds sums alone."""
EMPTY = frozenset({"disconnections"})
"""Reports of what did not happen on the ground."""


@dataclass(frozen=True)
class File:
    """A file that a page gives, by what is pressed there."""

    page: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.page} {self.name} {self.kind}".replace("  ", " ")

    @property
    def naming(self) -> str | None:
        columns = PAGES[self.name].columns
        return next((one for one in NAMING if one in columns), None)

    @property
    def tells_names(self) -> bool:
        return self.page != REPORT or (self.naming is not None and self.name not in EMPTY)

    def asked_by(self, caller: Caller, pk: object) -> Any:
        """The answer about an estate, or a wallet where that is what has the file."""
        if self.page == REPORT:
            path = reverse("admin:report", args=[self.name])
            today = timezone.localdate()
            asked = {"estate": pk, "format": self.kind, "from": today - timedelta(20), "to": today}
            group_by = {"group_by": self.naming} if self.naming else {}
            return ask(path, caller, asked | group_by, drawn=Drawn.PAGE)
        page = "wallets_wallet" if self.page == STATEMENT else "estates_estate"
        path = reverse(f"admin:{page}_{self.page}", args=[pk])
        sent = {"month": first_of_month(timezone.localdate()), f"_{self.kind}": "1"}
        return ask(path, caller, sent, method="POST", drawn=Drawn.PAGE)


def files() -> Iterator[File]:
    for kind in FORMATS:
        yield from (File(REPORT, slug, kind) for slug in PAGES)
        yield File(RESALE, "", kind)
    yield from (File(STATEMENT, "", kind) for kind in ("csv", "pdf"))


def check_file(ground: Ground, file: File) -> None:
    """Who may read it gets it of their own estate; nobody gets what is foreign in any way."""
    of = WALLETS if file.page == STATEMENT else ESTATES
    for caller in visitors(ground):
        for place in (Place.OWN, Place.FOREIGN):
            answer = file.asked_by(caller, pk := ground.pick(of, place))
            where = f"{caller.name}: {file} {place.value} {answer.status_code}"
            let_in = works_here(caller) and caller.may(PERMISSIONS[file.page])
            sees = place is Place.OWN or caller.reach is Reach.EVERYWHERE
            content = body(answer)
            is_file = "attachment" in (name := answer.headers.get("Content-Disposition", ""))
            assert is_file is (let_in and sees), where
            if caller.reach is not Reach.EVERYWHERE:
                assert not ground.leaks(content, pk), f"{where} tells something foreign"
            word = OURS if place is Place.OWN else CANARY
            assert not is_file or word in name, f"{where}: {name}"
            if is_file and file.tells_names:
                assert word in readable(content), f"{where}: nothing of the estate is in it."
