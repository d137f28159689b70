"""
Two estates in full operation, and callers who may reach one of them.

Whatever stands in the foreign estate carries `CANARY` in its words: an answer to anybody else
that holds it, or the id of a foreign row, has leaked.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt
from django.db import DatabaseError, models, transaction
from pypdf import PdfReader

from accounts.models import AuditEntry, Role, User
from quantify.tests import world
from quantify.tests.access import callers
from quantify.tests.access.callers import Caller, Place
from quantify.tests.access.furnishing import furnished
from quantify.tests.access.held import Held, stored
from quantify.tests.access.table import Of, Own, System
from quantify.tests.world import World

OURS, CANARY = "OURS1", "QZX7"
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CODED = {"time_zone", "identity_sealed"}
"""Texts that only the program writes, and could not read with a canary in them."""


@dataclass(frozen=True)
class Ground:
    """What the matrix walks on."""

    ours: World
    theirs: World
    callers: list[Caller]
    foreign_ids: frozenset[str]
    held: Held
    _picked: dict[tuple[str, Place, str], Any] = field(default_factory=dict)

    def caller(self, name: str) -> Caller:
        return next(one for one in self.callers if one.name == name)

    def pick(self, of: Of | Own | System, place: Place, caller: Caller | None = None) -> Any:
        """The id of an object in a place as a caller sees it; None where none can stand."""
        key = (repr(of), place, caller.name if caller else "")
        if key not in self._picked:
            self._picked[key] = self._pick(of, place, caller)
        return self._picked[key]

    def _pick(self, of: Of | Own | System, place: Place, caller: Caller | None) -> Any:
        if isinstance(of, System):
            found = _first(of.model._default_manager.all())
            return found if place is Place.FOREIGN else None
        home = self.theirs if place is Place.FOREIGN else self.ours
        number = 1 if place is Place.NEIGHBOUR else 0
        if place is Place.OWN and caller is not None:
            number = caller.home
        if isinstance(of, Own):
            whose = {f"{of.holder}__resident__occupancies__unit": home.units[number].pk}
            if place is Place.OWN and caller is not None:
                whose = {of.holder: caller.user}
            return _first(of.model._default_manager.filter(**whose))
        rows = of.model._default_manager.filter(**{of.estate: home.estate.pk}, **of.where)
        if of.unit is not None:
            rows = rows.filter(**{of.unit: home.units[number].pk})
        elif place is Place.NEIGHBOUR:
            return None
        return _first(rows)

    def leaks(self, content: bytes, *sent: object) -> set[str]:
        """What of the foreign estate is in an answer, apart from what was sent."""
        text = readable(content)
        found = set(UUIDS.findall(text)) & self.foreign_ids - {str(one) for one in sent}
        return found | ({CANARY} if CANARY in text else set())


def _first(rows: models.QuerySet) -> Any:
    found = rows.order_by("pk").values_list("pk", flat=True).first()
    assert found is not None, f"The ground has no such {rows.model._meta.label}: {rows.query}"
    return found


def readable(content: bytes) -> str:
    """The words of an answer, out of a spreadsheet or a PDF too."""
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as sheets:
            return "\n".join(sheets.read(name).decode() for name in sheets.namelist())
    if content.startswith(b"%PDF"):
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return content.decode(errors="replace")


@contextmanager
def undone() -> Iterator[None]:
    """Let whatever a request changes be as before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def build(*, with_canaries: bool = True) -> Ground:
    """Build both estates and everybody who calls."""
    world.build_system()
    ours = furnished(OURS, units=3)
    before = _ids()
    theirs = furnished(CANARY, units=2)
    if with_canaries:
        _plant(before)
    foreign = _ids() - before
    everybody = callers.of(ours)
    AccessAttempt.objects.create(
        username="stranger", ip_address="192.0.2.1", failures_since_start=1
    )
    AuditEntry.objects.create(
        actor=theirs.estate.pk, actor_name=CANARY, action="insert", table="units_unit",
        object_id=theirs.units[0].pk, scope=theirs.estate.pk,
    )  # fmt: skip
    return Ground(ours, theirs, everybody, frozenset(map(str, foreign)), Held())


def _ids() -> set[UUID]:
    return {
        pk
        for model in stored()
        if isinstance(model._meta.pk, models.UUIDField)
        for pk in model._default_manager.values_list("pk", flat=True)
    }


def _plant(before: set[UUID]) -> None:
    """Write the canary into every text of the foreign rows that the database lets us change."""
    for model in stored():
        if not isinstance(model._meta.pk, models.UUIDField) or model in (User, Role):
            continue
        rows = model._default_manager.exclude(pk__in=before)
        for one in model._meta.local_concrete_fields:
            is_text = isinstance(one, models.CharField | models.TextField) and not one.choices
            if is_text and not one.generated and one.name not in CODED:
                for row in rows:
                    _try_to_plant(model, row.pk, one.name, getattr(row, one.attname))


def _try_to_plant(model: type[models.Model], pk: UUID, name: str, value: str | None) -> None:
    if value is None or CANARY in value:
        return
    longest = model._meta.get_field(name).max_length or 60
    words = f"{CANARY} {str(pk)[-6:]}"[:longest]
    try:
        with transaction.atomic():
            model._default_manager.filter(pk=pk).update(**{name: words})
    except DatabaseError:
        # An append-only fact, or a text with a form of its own.
        return
