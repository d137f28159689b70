"""A meter that rests because it did not answer is visited again once its address is corrected."""

import pytest
from django.utils import timezone

from meters.models import Meter
from meters.tests.factories import ConcentratorFactory, MeterFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def meter():
    return MeterFactory.create(
        behind_concentrator=True, visits_failed=4, visit_after=timezone.now(), logical_device=7
    )


def rests(meter: Meter) -> bool:
    meter.refresh_from_db()
    assert (meter.visits_failed == 0) == (meter.visit_after is None)
    return meter.visit_after is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serial", "ANOTHER"), ("logical_device", 8), ("gateway_address", "0065"),
        ("ipv6_address", "fd00::7"), ("communication_type", "cellular"),
    ],
)  # fmt: skip
def test_ends_with_another_address(meter, field, value):
    setattr(meter, field, value)
    meter.save()

    assert not rests(meter)


def test_ends_behind_another_concentrator(meter):
    Meter.objects.update(concentrator=ConcentratorFactory.create(estate=meter.estate))

    assert not rests(meter)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "10.9.9.9"), ("port", 4060), ("addressing", "gateway_prefix"), ("network_id", 3),
        ("client_address", 16),
    ],
)  # fmt: skip
def test_ends_where_the_concentrator_is_reached_otherwise(meter, field, value):
    other = MeterFactory.create(
        behind_concentrator=True, visits_failed=4, visit_after=timezone.now()
    )
    setattr(meter.concentrator, field, value)
    meter.concentrator.save()

    assert not rests(meter)
    assert rests(other)


def test_goes_on_where_the_address_is_the_same(meter):
    meter.model = "E460"
    meter.save()
    meter.concentrator.name = "Another name"
    meter.concentrator.save()

    assert rests(meter)
