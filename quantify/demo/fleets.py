"""The simulated meters of an estate: the truth that the product has to find out by reading."""

import hashlib
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from meters.dlms.simulator.fleet import FleetPlan, Kind, MeterPlan, seed_of
from quantify.demo.stories import Past, Story

UNIT_KINDS = (Kind.ELECTRICITY, Kind.WATER, Kind.SOLAR)
BULK_KINDS = (Kind.BULK_ELECTRICITY, Kind.BULK_WATER)
FIRST_BULK_DEVICE, FIRST_UNIT_DEVICE = 17, 100
MILESIGHT = "24e124"
"""How the device EUIs of this maker begin."""
MODELS = {
    Kind.ELECTRICITY: ("E4", "Landis+Gyr", "E460"),
    Kind.SOLAR: ("S4", "Landis+Gyr", "E460"),
    Kind.WATER: ("W1", "Axioma", "Qalcosonic W1"),
    Kind.BULK_ELECTRICITY: ("B4", "Landis+Gyr", "E650"),
    Kind.BULK_WATER: ("BW", "Axioma", "Qalcosonic F1"),
}


def serial(story: Story, kind: Kind, number: int) -> str:
    return f"{MODELS[kind][0]}-{story.code}-{number:04}"


def fleet(story: Story, past: Past) -> FleetPlan:
    """The fleet of an estate with its past; its epoch is where that begins."""
    units = [
        _meter(story, kind, device=FIRST_UNIT_DEVICE + 3 * number + at, unit=unit)
        for number, unit in enumerate(story.units)
        for at, kind in enumerate(UNIT_KINDS)
    ]
    bulk = [
        _meter(story, kind, device=FIRST_BULK_DEVICE + at) for at, kind in enumerate(BULK_KINDS)
    ]
    return FleetPlan(
        code=story.code,
        epoch=past.begins,
        meters=tuple(_planted(story, one, past.ends) for one in [*units, *bulk]),
        loss_percent=story.loss_percent,
        water_loss_percent=story.water_loss_percent,
    )


def unit_of(story: Story, meter: MeterPlan) -> str | None:
    """The unit a meter hangs at; None for a bulk meter."""
    number = (meter.logical_device - FIRST_UNIT_DEVICE) // len(UNIT_KINDS)
    return list(story.units)[number] if number >= 0 else None


def _meter(story: Story, kind: Kind, *, device: int, unit: str = "") -> MeterPlan:
    name = serial(story, kind, device)
    chance = random.Random(f"{story.code} {unit}")  # noqa: S311  (households, not secrets)
    residents = 0 if unit in story.vacant else chance.choice((1, 2, 2, 3, 3, 4, 4, 5))
    return MeterPlan(
        logical_device=device,
        serial=name,
        kind=kind,
        seed=seed_of(name),
        residents=residents,
        opening_register=chance.randrange(1_000_000, 9_000_000),
        **_way_in(story, kind, unit, name),
    )


def _way_in(story: Story, kind: Kind, unit: str, name: str) -> dict[str, Any]:
    """How a meter is reached: by the radio of its pulse counter, or over power line with keys."""
    if _is_on_radio(story, kind, unit):
        return {"dev_eui": MILESIGHT + hashlib.sha256(name.encode()).hexdigest()[:10]}
    return {
        "encryption_key": _key(story, f"{name} encryption"),
        "authentication_key": _key(story, f"{name} authentication"),
    }


def _is_on_radio(story: Story, kind: Kind, unit: str) -> bool:
    if kind is Kind.WATER:
        return unit[:1] in set(story.water_by_radio)
    # Without something to encrypt with there is no API key for orders.
    may_switch = bool(settings.SEALING_SECRETS)
    return kind is Kind.ELECTRICITY and unit == story.switched_by_radio and may_switch


def _key(story: Story, name: str) -> str:
    """A key for a simulated meter, where there are any: it protects nothing."""
    if not story.has_keys or not settings.SEALING_SECRETS:
        return ""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _planted(story: Story, meter: MeterPlan, ends: datetime) -> MeterPlan:
    """The meter, with what is wrong in its unit."""
    unit = unit_of(story, meter)
    wrong: dict[tuple[str, Kind], dict[str, Any]] = {
        (story.leaking, Kind.WATER): {
            "leak_litres_per_hour": 26,
            "leak_from": ends - timedelta(days=6),
        },
        (story.offline, Kind.ELECTRICITY): {"offline_from": ends - timedelta(days=3)},
        (story.bypassed, Kind.ELECTRICITY): {"bypass_from": ends - timedelta(days=30)},
    }
    return replace(meter, **wrong.get((unit or "bulk", meter.kind), {}))
