"""From registers to the bill: what a unit pays does not depend on how its meters counted."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.tests.factories import UserFactory
from estates.tests.factories import EstateFactory
from meters import readings, replacement
from meters.batches import RawReading
from meters.models import Finding, Meter, Reading
from meters.replacement import Swap
from meters.tests.factories import InstallationFactory, MeterFactory, RegisterFactory
from meters.vee import decisions
from meters.vee.editing import Occasion
from quantify.periods import INTERVAL
from rates.tests.factories import AssignmentFactory, RateTableFactory
from units.tests.factories import UnitFactory
from wallets.billing import runs
from wallets.models import Bill
from wallets.proving import verification

pytestmark = pytest.mark.django_db

START = datetime(2026, 6, 9, 22, tzinfo=UTC)
NOW = START + timedelta(days=3)
QUARTERS = 96
HALF = 48
WH = 125


@pytest.fixture
def estate():
    made = EstateFactory.create()
    AssignmentFactory.create(estate=made, rate_table=RateTableFactory.create(estate=made))
    return made


def put_up(estate, *, value: int = 0, span: int = 10**9, kind: str = "electricity") -> Meter:
    meter = MeterFactory.create(estate=estate, kind=kind)
    RegisterFactory.create(meter=meter, span=span)
    InstallationFactory.create(
        meter=meter,
        unit=UnitFactory.create(estate=estate),
        starts_at=START,
        opening_value=value,
    )
    return meter


def count(meter: Meter, quarters: range, *, first: int, span: int = 10**9, channel: int = 1):
    """The meter counts on by 125 Wh each quarter from a register on."""
    rows = [
        RawReading(
            meter.pk,
            channel,
            START + quarter * INTERVAL,
            (first + (quarter - quarters.start) * WH) % span,
        )
        for quarter in quarters
    ]
    readings.record(rows, received_at=NOW)


def bills(meter: Meter) -> list[object]:
    unit = meter.installations.order_by("starts_at").first().unit  # type: ignore[union-attr]
    found = Bill.objects.filter(wallet__unit=unit).order_by("month")
    return list(found.values_list("utility", "total", "consumption"))


@pytest.fixture
def plain(estate) -> Meter:
    """A meter that counted 12 kWh in one day, as it should."""
    meter = put_up(estate)
    count(meter, range(QUARTERS + 1), first=0)
    return meter


def test_a_replaced_meter_costs_what_one_meter_costs(estate, plain):
    old = put_up(estate, value=5000)
    count(old, range(HALF + 1), first=5000)
    new = MeterFactory.create(estate=estate)
    RegisterFactory.create(meter=new)
    at = START + HALF * INTERVAL
    replacement.replace(
        Swap(old=old, new=new, at=at, closing=5000 + HALF * WH, opening=77, reason="Broken."),
        now=NOW,
    )
    count(new, range(HALF, QUARTERS + 1), first=77)

    runs.bill(now=NOW)

    assert bills(old) == bills(plain) != []


def test_taking_a_replacement_back_takes_its_consumption_back(estate, plain):
    old = put_up(estate)
    count(old, range(QUARTERS + 1), first=0)
    new = MeterFactory.create(estate=estate)
    RegisterFactory.create(meter=new)
    done = replacement.replace(
        Swap(
            old=old, new=new, at=START + HALF * INTERVAL, closing=HALF * WH, opening=0, reason="x"
        ),
        now=NOW,
    )
    runs.bill(now=NOW)
    assert bills(old) != bills(plain)

    replacement.undo(installation_id=done.installed.pk, now=NOW)
    runs.bill(now=NOW)

    assert bills(old) == bills(plain) != []


def test_a_register_that_starts_again_costs_the_same(estate, plain):
    span = 20_000
    meter = put_up(estate, value=19_000, span=span)
    count(meter, range(QUARTERS + 1), first=19_000, span=span)

    runs.bill(now=NOW)

    assert bills(meter) == bills(plain) != []


def test_what_is_exported_is_not_charged(estate, plain):
    meter = put_up(estate)
    RegisterFactory.create(meter=meter, channel=2)
    count(meter, range(QUARTERS + 1), first=0)
    count(meter, range(QUARTERS + 1), first=300, channel=2)

    runs.bill(now=NOW)

    assert bills(meter) == bills(plain) != []


def test_late_readings_cost_what_timely_ones_cost(estate, plain):
    meter = put_up(estate)
    count(meter, range(QUARTERS, QUARTERS + 1), first=QUARTERS * WH)
    count(meter, range(1), first=0)
    runs.bill(now=NOW)
    count(meter, range(QUARTERS + 1), first=0)

    runs.bill(now=NOW)

    assert bills(meter) == bills(plain) != []


def test_a_reset_register_counts_again_once_a_person_accepts_it(estate, plain):
    meter = put_up(estate, value=5000)
    count(meter, range(HALF + 1), first=5000)
    runs.bill(now=NOW)
    before = bills(meter)
    # Its electronics were replaced: from the next quarter on it counts from zero.
    count(meter, range(HALF + 1, QUARTERS + 2), first=0)
    runs.bill(now=NOW)
    assert bills(meter) == before != bills(plain)
    (finding,) = Finding.objects.filter(meter=meter, rule="negative_step", state="open")
    occasion = Occasion(UserFactory.create(), NOW, "New electronics, seen on the spot.")

    decisions.accept(finding_id=finding.pk, occasion=occasion)
    runs.bill(now=NOW)

    assert bills(meter) == bills(plain) != []
    assert not Reading.objects.filter(meter=meter, is_valid=False).exists()
    decisions.undo(finding_id=finding.pk, occasion=occasion)
    runs.bill(now=NOW)
    assert bills(meter) == before
    assert not verification.verify().differences
