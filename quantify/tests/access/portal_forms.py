"""What the forms of the portal offer and take: nothing foreign, chosen or completed."""

import json
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.urls import reverse

from quantify.tests.access.addresses import Address
from quantify.tests.access.callers import Place, Reach
from quantify.tests.access.ground import CANARY, Ground, undone
from quantify.tests.access.portal_table import CHOSEN
from quantify.tests.access.visiting import (
    ask,
    expected_refusal,
    objects_of,
    path_of,
    prepare,
    shown_in,
    visitors,
    works_here,
)


def check_choices(ground: Ground, address: Address) -> None:
    """A form offers nothing foreign, and refuses it as what is not there when it is sent."""
    here = ground.caller("everything here")
    pk = ground.pick(objects_of(address), Place.OWN) if address.takes_object else None
    if expected_refusal(address, here, Place.OWN, "POST"):
        return
    with undone():
        prepare(address, pk)
        before = ground.held.changes()
        for form in forms_of(ask(path_of(address, pk), here)):
            for name, field in form.fields.items():
                if isinstance(field, forms.ModelChoiceField):
                    _check_choice(ground, address, pk, form.add_prefix(name), field)
        assert ground.held.changes() == before, f"{address} took something foreign."


def _check_choice(
    ground: Ground, address: Address, pk: object, name: str, field: forms.ModelChoiceField
) -> None:
    model = field.queryset.model
    if not hasattr(model._default_manager.all(), "visible_to"):
        return
    assert model in CHOSEN, f"{address}: say in CHOSEN whose {model.__name__} {name} names."
    here = ground.caller("everything here")
    refused = []
    for place in (Place.FOREIGN, None):
        chosen = ground.pick(CHOSEN[model], place) if place else uuid4()
        answer = ask(path_of(address, pk), here, {name: chosen}, method="POST")
        refused.append([form.errors.get(name) for form in forms_of(answer)])
        assert any(refused[-1]), f"{address} takes a foreign {name}: {refused[-1]}"
    assert refused[0] == refused[1], f"{address} {name}: {refused}"
    with undone():
        if (own := field.queryset.first()) is None:
            return
        answer = ask(path_of(address, pk), here, {name: own.pk}, method="POST")
        told = [form.errors.get(name) for form in forms_of(answer)]
        assert told != refused[0], f"{address} {name}: one's own is answered no otherwise."


def forms_of(answer: Any) -> list[Any]:
    """The forms of a page: of an object, of the rows that hang on it, or the page's own."""
    context = shown_in(answer)
    found = [context["adminform"].form] if "adminform" in context else []
    found += [context["form"]] if "form" in context else []
    return [one for one in found if isinstance(one, forms.BaseForm)]


def autocompletes() -> list[tuple[str, str, str]]:
    """Every field that is completed while one types: its app, its model and its name."""
    found = set()
    for page in admin.site._registry.values():
        for one in (page, *(inline(page.model, admin.site) for inline in page.inlines)):
            for name in one.autocomplete_fields:
                found.add((one.opts.app_label, one.opts.model_name, name))
    return sorted(found)


def check_autocomplete(ground: Ground, app: str, model: str, name: str) -> None:
    """What is offered is one's own, whoever types and whatever."""
    path = reverse("admin:autocomplete")
    asked = {"app_label": app, "model_name": model, "field_name": name}
    for caller in visitors(ground):
        for term in ("", CANARY, f"{CANARY}-A"):
            answer = ask(path, caller, {**asked, "term": term})
            where = f"{caller.name}: {app}.{model}.{name} {term!r}: {answer.status_code}"
            if not works_here(caller):
                assert answer.status_code == 302, where
            elif caller.reach is Reach.EVERYWHERE:
                assert answer.status_code == 200, where
                assert term or ground.leaks(answer.content), f"{where}: no canary for anybody."
            else:
                assert answer.status_code in (200, 403), where
                assert not ground.leaks(answer.content, term), where
                if term == CANARY and answer.status_code == 200:
                    assert not json.loads(answer.content)["results"], where
