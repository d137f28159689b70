"""Forms that are filled in, at one's own: taken from who may send them, and from nobody else."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from meters.tasks import collect
from quantify.tests.access.addresses import Address
from quantify.tests.access.callers import Caller, Place
from quantify.tests.access.ground import Ground, undone
from quantify.tests.access.held import written
from quantify.tests.access.portal_filling import filled
from quantify.tests.access.portal_forms import forms_of
from quantify.tests.access.table import System
from quantify.tests.access.visiting import (
    ask,
    expected_refusal,
    objects_of,
    path_of,
    prepare,
    state_of,
    visitors,
)

ASIDE = frozenset({"django_admin_log", "accounts_session"})
"""Written beside what is done."""


def check_taken(ground: Ground, address: Address) -> None:
    """Who may send a form changes what it is for; who may not changes nothing."""
    takers, place = takers_of(ground, address), _place_of(address)
    if not takers:
        return
    pk = ground.pick(objects_of(address), place) if address.takes_object else None
    path, state = path_of(address, pk), state_of(address)
    with undone(), patch.object(collect, "delay"):
        prepare(address, pk)
        before = ground.held.changes()
        # Who sees every estate is offered more, and what they choose from may be foreign.
        offered = filled(ask(path, takers[0])) | filled(ask(path, takers[-1]))
        for caller in visitors(ground):
            sent = offered | state.sent(ground.ours)
            where = f"{caller.name}: POST {address} {sent}"
            if refused := expected_refusal(address, caller, place, "POST"):
                answer = ask(path, caller, sent, method="POST")
                assert answer.status_code in refused, f"{where}: {answer.status_code}"
            else:
                answer, tables = _taken(path, caller, sent)
                _check_taken(answer, f"{where}: {answer.status_code}")
                assert bool(tables) is not state.is_reading, f"{where} {tables}"
        assert ground.held.changes() == before, f"{address} changed what it refused."


def takers_of(ground: Ground, address: Address) -> list[Caller]:
    """Who may send what is filled in, if anybody may."""
    if address.name in ("list", "history"):
        return []
    place = _place_of(address)
    return [one for one in visitors(ground) if not expected_refusal(address, one, place, "POST")]


def _place_of(address: Address) -> Place:
    """Where objects are one's own; those of no estate are a super admin's, wherever they stand."""
    return Place.FOREIGN if isinstance(objects_of(address), System) else Place.OWN


def _taken(path: str, caller: Caller, sent: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The answer, and the tables that were written; what is done is taken back."""
    before = written()
    with undone():
        answer = ask(path, caller, sent, method="POST")
    after = written()
    return answer, [name for name in after if after[name] != before[name] and name not in ASIDE]


def _check_taken(answer: Any, where: str) -> None:
    """That an answer is a page that says what was done, or leads on."""
    errors = [str(form.errors) for form in forms_of(answer) if form.errors]
    assert not errors, f"{where}: {errors}"
    assert answer.status_code in (200, 302), where
    assert "/login/" not in answer.headers.get("Location", ""), where
