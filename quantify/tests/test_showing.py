"""What serializers show directly is what the framework would have shown."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import models
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from quantify.api.serializers import Instant, Money
from quantify.api.showing import Direct
from quantify.tests import world
from quantify.urls import urlpatterns


def kinds(base: type[Direct] = Direct) -> list[type[Direct]]:
    found = []
    for kind in base.__subclasses__():
        found += [kind, *kinds(kind)]
    return found


def in_json(shown: object) -> object:
    return json.loads(JSONRenderer().render(shown))


def by_the_framework(serializer: Direct, instance: object) -> object:
    """Through every nested serializer, as `Serializer` itself does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Direct, "to_representation", serializers.Serializer.to_representation)
        return serializer.to_representation(instance)


@pytest.mark.django_db
def test_every_row_of_the_world():
    world.build("SHOW")
    assert urlpatterns  # importing them loads every serializer
    seen = set()

    for kind in kinds():
        model = getattr(getattr(kind, "Meta", None), "model", None)
        if model is None or not issubclass(model, models.Model):
            continue
        for row in model._default_manager.all()[:3]:
            try:
                expected = by_the_framework(kind(), row)
            except (AttributeError, KeyError, ValueError):
                continue  # the row lacks what its own view adds, or the caller is asked for
            assert in_json(kind().to_representation(row)) == in_json(expected), kind
            seen.add(kind.__name__)

    assert seen >= {
        "UnitSerializer", "ResidentSerializer", "InstallationSerializer", "PostingSerializer",
        "EstateSettingsSerializer", "CommandStepSerializer",
    }  # fmt: skip


class Thing:
    """Any object: what a field reads may be missing, empty, or a method."""

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)

    def spoken(self) -> str:
        return "spoken"


class Shown(Direct):
    amount = Money(allow_null=True)
    at = Instant(allow_null=True)
    name = serializers.CharField(source="owner.name", default=None)
    word = serializers.CharField(source="spoken")
    note = serializers.CharField(required=False)


@pytest.mark.parametrize(
    "thing",
    [
        pytest.param(Thing(amount=Decimal("1.00"), at=datetime(2026, 7, 1, tzinfo=UTC),
                           owner=Thing(name="A")), id="whole"),
        pytest.param(Thing(amount=Decimal("1.005"), at=None, owner=None, note="x"),
                     id="rounded, nobody"),
        pytest.param(Thing(amount=2, at=None, owner=Thing()), id="a number, no name"),
        pytest.param({"amount": None, "at": None, "owner": None, "spoken": "s"}, id="a mapping"),
    ],
)  # fmt: skip
def test_objects_of_every_shape(thing):
    assert Shown().to_representation(thing) == by_the_framework(Shown(), thing)


def test_literally():
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    thing = Thing(amount=Decimal("12.30"), at=at, owner=Thing(name="A"), note="n")

    assert Shown().to_representation(thing) == {
        "amount": "12.30",
        "at": "2026-07-01T14:00:00+02:00",
        "name": "A",
        "word": "spoken",
        "note": "n",
    }
