from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from estates.tests.factories import EstateFactory
from meters import partitions
from meters.alerts import following
from meters.models import Finding, Meter, MeterAlert
from meters.tests.factories import MeterFactory
from meters.vee import limits, neighbours
from units.models import Unit

NOW = datetime(2026, 7, 15, 6, tzinfo=UTC)
TODAY = date(2026, 7, 15)
USUAL, LEFT = 12_000, 5_000

pytestmark = pytest.mark.django_db


def write(meter, quantities):
    """Days up to yesterday, with the ups and downs of a week."""
    days = [TODAY - timedelta(days=back) for back in range(len(quantities), 0, -1)]
    partitions.ensure_around(days)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO meters_dailyconsumption (meter_id, channel, day, quantity, estimated,"
            " intervals, revision) VALUES (%s, 1, %s, %s, 0, 96, 1)",
            [(meter.pk, day, quantity) for day, quantity in zip(days, quantities, strict=True)],
        )


@pytest.fixture
def homes():
    estate = EstateFactory.create()
    meters = [
        MeterFactory.create(
            estate=estate, installed=True, installation__unit__estate=estate,
            installation__unit__unit_number=f"A-{number}",
        )
        for number in range(6)
    ]  # fmt: skip
    Unit.objects.update(status="occupied")
    ups = [1 + 0.15 * ((day * 3) % 7 - 3) / 3 for day in range(neighbours.DAYS)]
    for number, meter in enumerate(meters):
        left = LEFT if number == 0 else USUAL
        write(
            meter,
            [int((USUAL if day < 28 else left) * (up + 0.01 * number * (day % 2)))
             for day, up in enumerate(ups)],
        )  # fmt: skip
    return meters


def test_finds_the_home_and_the_alert_says_what_is_missing(homes):
    assert neighbours.check(now=NOW) == 1
    assert neighbours.check(now=NOW) == 1

    finding = Finding.objects.get()
    assert (finding.meter, finding.rule) == (homes[0], "bypass")
    assert finding.quantity == pytest.approx(USUAL - LEFT, rel=0.05)
    following.follow(now=NOW)
    alert = MeterAlert.objects.get()
    assert (alert.kind, alert.severity) == ("bypass", "error")
    assert alert.daily_quantity == finding.quantity
    assert alert.message.startswith("Bypass suspected at A-0: the home counts 58 % less")


def test_by_the_limit_of_the_estate(homes):
    limits.change(estate=homes[0].estate, values={"bypass.drop": Decimal(70)})

    assert neighbours.check(now=NOW) == 0


def test_a_vacant_home_is_compared_with_nobody(homes):
    unit = homes[0].installations.get().unit
    Unit.objects.filter(pk=unit.pk).update(status="vacant")

    assert neighbours.check(now=NOW) == 0


def test_without_meters_there_is_nothing_to_compare():
    assert not Meter.objects.exists()
    assert neighbours.check(now=NOW) == 0
