"""Four simulated meters behind a concentrator, and its collection."""

from datetime import UTC, datetime, timedelta

import pytest

from meters import installations
from meters.collecting import collection
from meters.dlms.simulator.plans import Kind, MeterPlan, seed_of
from meters.models import Meter
from meters.tests.factories import ConcentratorFactory, MeterFactory, RegisterFactory
from meters.tests.simulated import plan, serving
from units.tests.factories import UnitFactory

EPOCH = datetime(2026, 6, 1, tzinfo=UTC)
NOW = EPOCH + timedelta(days=3, minutes=7)
KINDS = {101: Kind.ELECTRICITY, 102: Kind.WATER, 103: Kind.SOLAR, 104: Kind.ELECTRICITY}
QUARTERS = 3 * 96 + 1


def planned(device, **changes):
    serial = f"SIM{device:06}"
    asked = {"residents": 4, "opening_register": 1000 * device} | changes
    return MeterPlan(
        logical_device=device, serial=serial, kind=KINDS[device], seed=seed_of(serial), **asked
    )


@pytest.fixture
def served(tmp_path, request):
    changes = getattr(request, "param", {})
    meters = [planned(device, **changes.get(device, {})) for device in KINDS]
    with serving(plan(meters, EPOCH), tmp_path, NOW) as served:
        yield served


@pytest.fixture
def concentrator(served):
    concentrator = ConcentratorFactory.create(port=served.port, timeout_seconds=1)
    for one in served.fleet:
        meter = MeterFactory.create(
            estate=concentrator.estate,
            serial=one.serial,
            kind=one.plan.kind.value,
            concentrator=concentrator,
            logical_device=one.logical_device,
            has_relay=one.has_relay,
            maximum_per_interval=20_000,
        )
        RegisterFactory.create(meter=meter)
        installations.install(
            meter=meter,
            unit=UnitFactory.create(estate=concentrator.estate),
            starts_at=EPOCH,
            opening_value=one.plan.opening_register,
            now=NOW,
        )
    return concentrator


def gather(concentrator, now=NOW, **asked):
    return collection.collect(concentrator_id=concentrator.pk, now=now, **asked)


def meter(device):
    return Meter.objects.get(logical_device=device)
