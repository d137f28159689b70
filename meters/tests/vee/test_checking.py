"""What the checks of finished days find, and what they leave alone; each with its limit moved."""

from datetime import timedelta
from decimal import Decimal

import pytest

from meters import readings
from meters.models import DailyConsumption, Finding, Interval, Meter
from meters.models.devices import Register
from meters.tests.factories import CommandFactory, InstallationFactory
from meters.tests.recording import MIDNIGHT, at, new_meter, raw
from meters.vee import checking, limits
from units.tests.factories import UnitFactory

pytestmark = pytest.mark.django_db

DAY = 96
USUAL = 40
NOW = MIDNIGHT + timedelta(days=40)


def use(meter: Meter, quantities: dict[int, int], *, days: int = 1, usual: int = USUAL) -> None:
    """Let a meter count `usual` in each quarter, but for some of them."""
    total, rows = 0, [raw(meter, 0, 0)]
    for quarter in range(days * DAY):
        total += quantities.get(quarter, usual)
        rows.append(raw(meter, quarter + 1, total))
    readings.record(rows, received_at=NOW)


def found(rule: str, now=NOW) -> list[Finding]:
    checking.run(now=now)
    waiting = Finding.objects.filter(rule=rule, state="open")
    return list(waiting.order_by("starts_at"))


def stretch(finding: Finding) -> tuple[int, int, int | None]:
    quarter = timedelta(minutes=15)
    starts, ends = (at_ - MIDNIGHT for at_ in (finding.starts_at, finding.ends_at))
    return starts // quarter, ends // quarter, finding.quantity


def allow(meter: Meter, parameter: str, value: str) -> None:
    limits.change(estate=meter.estate, values={parameter: Decimal(value)})


def installed(kind: str = "electricity", status: str = "occupied", **more) -> Meter:
    meter = new_meter(kind=kind, **more)
    unit = UnitFactory.create(estate=meter.estate, status=status)
    InstallationFactory.create(meter=meter, unit=unit)
    return meter


class TestSpike:
    def test_is_found_far_above_the_third_highest(self):
        meter = new_meter()
        use(meter, {30: 2000, 31: 600, 32: 500})

        (finding,) = found("spike")

        assert stretch(finding) == (30, 31, 2000)
        assert finding.says.startswith("2.000 kWh in a quarter of an hour")

    @pytest.mark.parametrize(
        "quantities",
        [
            pytest.param({30: 1400, 31: 600, 32: 500}, id="not 1.8 times above the third"),
            pytest.param({30: 499}, id="below the floor"),
            pytest.param({}, id="all the same"),
        ],
    )
    def test_is_none(self, quantities):
        use(new_meter(), quantities)

        assert found("spike") == []

    def test_is_what_the_estate_says(self):
        meter = new_meter()
        allow(meter, "spike.ratio", "3.5")
        use(meter, {30: 2000, 31: 600, 32: 500})

        assert found("spike") == []

    def test_is_none_of_water(self):
        use(new_meter(kind="water"), {30: 2000})

        assert found("spike") == []


class TestSumCheck:
    def test_finds_intervals_that_differ_from_the_register(self):
        meter = new_meter()
        use(meter, {})
        Interval.objects.filter(meter=meter, start=at(5)).update(quantity=USUAL + 7)

        (finding,) = found("sum_check")

        assert stretch(finding) == (0, DAY, 7)
        assert finding.says.startswith("The register counted 3.840")

    def test_finds_nothing_where_they_agree_over_a_gap_or_a_rollover(self):
        meter = new_meter(span=2000)
        values = {0: 1900, 40: 100, 50: 200, DAY: 300}
        readings.record([raw(meter, n, value) for n, value in values.items()], received_at=NOW)

        assert found("sum_check") == []

    def test_tolerates_what_the_estate_tolerates(self):
        meter = new_meter()
        allow(meter, "sum_check.tolerance", "0.007")
        use(meter, {})
        Interval.objects.filter(meter=meter, start=at(5)).update(quantity=USUAL + 7)

        assert found("sum_check") == []


class TestUnusualWeek:
    def home(self, last_week: int, **limit: str) -> Meter:
        """Four weeks of 40 Wh a quarter in winter, then one of something else."""
        meter = new_meter()
        for name, value in limit.items():
            allow(meter, f"high_low.{name}", value)
        use(meter, dict.fromkeys(range(28 * DAY, 35 * DAY), last_week), days=35)
        return meter

    def test_far_more(self):
        self.home(81)

        (finding,) = found("high_low")

        assert stretch(finding) == (28 * DAY, 35 * DAY, 41 * 7 * DAY)
        assert "7.776 a day, far more than the usual 3.840" in finding.says

    def test_far_less(self):
        self.home(15)

        (finding,) = found("high_low")

        assert "far less" in finding.says

    @pytest.mark.parametrize("quantity", [16, 80])
    def test_within_the_limits(self, quantity):
        self.home(quantity)

        assert found("high_low") == []

    def test_as_the_estate_has_it(self):
        self.home(81, high="2.1")

        assert found("high_low") == []

    def test_without_enough_days_of_the_season(self):
        self.home(81, days="29")

        assert found("high_low") == []


class TestStandstill:
    def test_of_a_day(self):
        installed()
        meter = Meter.objects.get()
        use(meter, dict.fromkeys(range(50, 50 + DAY), 0), days=2)

        (finding,) = found("zero_too_long")

        assert stretch(finding) == (50, 50 + DAY, 0)
        assert finding.says == "No electricity at all for 24 hours, in a home that is not vacant."

    def test_goes_on_as_one(self):
        meter = installed()
        use(meter, dict.fromkeys(range(50, 4 * DAY), 0), days=4)

        for day in (2, 3, 4):
            (finding,) = found("zero_too_long", now=MIDNIGHT + timedelta(days=day, hours=1))

        assert stretch(finding) == (50, 4 * DAY, 0)
        assert Finding.objects.count() == 1

    def test_ends_by_itself_when_something_is_used(self):
        meter = installed()
        use(meter, dict.fromkeys(range(50, 2 * DAY), 0), days=5)
        found("zero_too_long", now=MIDNIGHT + timedelta(days=2, hours=1))

        assert found("zero_too_long") == []
        assert Finding.objects.get().resolution == "ended"

    @pytest.mark.parametrize(
        ("case", "length"),
        [
            pytest.param({}, DAY - 1, id="shorter"),
            pytest.param({"status": "vacant"}, DAY, id="vacant"),
            pytest.param({"relay_state": "disconnected"}, DAY, id="disconnected"),
            pytest.param({"kind": "water"}, 3 * DAY - 1, id="water for less than three days"),
            pytest.param({"kind": "solar"}, 3 * DAY, id="solar"),
        ],
    )
    def test_is_none(self, case, length):
        meter = installed(**case)
        use(meter, dict.fromkeys(range(50, 50 + length), 0), days=5)

        assert found("zero_too_long") == []

    def test_is_none_where_the_power_failed(self):
        meter = installed()
        total, rows = 0, []
        for quarter in range(2 * DAY + 1):
            total += 0 if 50 <= quarter <= 50 + DAY else USUAL
            rows.append(raw(meter, quarter, total, 128 if quarter == 60 else 0))
        readings.record(rows, received_at=NOW)

        assert found("zero_too_long") == []

    def test_is_as_long_as_the_estate_says(self):
        meter = installed(kind="water")
        allow(meter, "zero_too_long.water", "24")
        use(meter, dict.fromkeys(range(50, 50 + DAY), 0), days=2)

        assert len(found("zero_too_long")) == 1


class TestWhileDisconnected:
    def cut(self, meter: Meter, begin: int, end: int | None) -> None:
        for action, quarter in (("disconnect", begin), ("reconnect", end)):
            if quarter is not None:
                CommandFactory.create(
                    meter=meter, action=action, state="verified", requested_at=at(quarter),
                    sent_at=at(quarter), verified_at=at(quarter),
                )  # fmt: skip

    def test_finds_what_was_used_in_between(self):
        meter = new_meter()
        self.cut(meter, 20, 30)
        use(meter, {n: 0 for n in range(20, 30) if n not in (24, 25)})

        (finding,) = found("while_disconnected")

        assert stretch(finding) == (24, 26, 2 * USUAL)
        assert finding.says == "0.080 kWh was used while the relay was open."

    def test_until_now_where_the_relay_is_open(self):
        meter = new_meter(relay_state="disconnected")
        self.cut(meter, 90, None)
        use(meter, {})

        (finding,) = found("while_disconnected")

        assert stretch(finding) == (90, DAY, 6 * USUAL)

    def test_finds_nothing_at_the_edges_or_within_the_tolerance(self):
        meter = new_meter()
        self.cut(meter, 20, 30)
        use(meter, dict.fromkeys(range(20, 30), 1))

        assert found("while_disconnected") == []

    def test_tolerates_what_the_estate_tolerates(self):
        meter = new_meter()
        allow(meter, "while_disconnected.tolerance", "0.040")
        self.cut(meter, 20, 30)
        use(meter, {})

        assert found("while_disconnected") == []


class TestSolarAtNight:
    def test_is_found_in_the_dark(self):
        meter = new_meter(kind="solar")
        use(meter, {8: 300, 50: 900}, usual=0)

        (finding,) = found("solar_at_night")

        assert stretch(finding) == (8, 9, 300)

    def test_is_none_by_day(self):
        use(new_meter(kind="solar"), {30: 900, 50: 900}, usual=0)

        assert found("solar_at_night") == []

    def test_knows_where_the_estate_lies(self):
        """At 17:30 in June the sun is down in Johannesburg, and in the west it is not yet dark."""
        meter = new_meter(kind="solar")
        use(meter, {73: 300}, usual=0)
        assert found("solar_at_night") == []
        estate = meter.estate
        estate.latitude, estate.longitude = Decimal("-26.2"), Decimal("28.05")
        estate.save()
        DailyConsumption.objects.update(checked_revision=0)

        assert len(found("solar_at_night")) == 1

    def test_tolerates_what_the_estate_tolerates(self):
        meter = new_meter(kind="solar")
        allow(meter, "solar_at_night.tolerance", "0.3")
        use(meter, {8: 300}, usual=0)

        assert found("solar_at_night") == []


class TestLeak:
    def test_is_found_after_three_nights(self):
        meter = new_meter(kind="water")
        use(meter, dict.fromkeys(range(20, 3 * DAY, 5), 0), days=3, usual=4)
        assert found("leak") == []

        other = new_meter(kind="water")
        still = {n: 0 for n in range(3 * DAY) if n % DAY not in range(8, 16)}
        use(other, still, days=3, usual=4)

        (finding,) = found("leak")
        assert finding.meter == other
        assert stretch(finding) == (8, 2 * DAY + 16, 4)
        assert finding.says.endswith("at least 16 litres an hour.")

    def test_is_none_with_one_quiet_quarter(self):
        use(new_meter(kind="water"), {DAY + 12: 0}, days=3, usual=4)

        assert found("leak") == []

    def test_counts_the_nights_of_the_estate(self):
        meter = new_meter(kind="water")
        allow(meter, "leak.nights", "2")
        use(meter, {}, days=2, usual=4)

        assert len(found("leak")) == 1


class TestRun:
    def test_looks_at_finished_days_and_once(self):
        meter = new_meter()
        use(meter, {30: 2000}, days=2)

        today = checking.run(now=MIDNIGHT + timedelta(days=1, hours=12))
        again = checking.run(now=MIDNIGHT + timedelta(days=1, hours=13))

        assert (today.days, again.days) == (1, 0)
        assert Finding.objects.filter(rule="spike").count() == 1

    def test_looks_again_at_what_changed(self):
        meter = new_meter()
        use(meter, {30: 2000, 40: USUAL})
        (finding,) = found("spike")
        Finding.objects.update(state="closed", resolution="accepted")

        readings.record([raw(meter, DAY + n, 10**6 + n * 100) for n in (1, 2)], received_at=NOW)
        DailyConsumption.objects.update(checked_revision=0)

        assert found("spike") == []
        finding.refresh_from_db()
        assert (finding.state, finding.resolution) == ("closed", "accepted")

    def test_closes_what_no_longer_holds(self):
        meter = new_meter()
        use(meter, {30: 2000})
        assert len(found("spike")) == 1
        Interval.objects.filter(meter=meter, start=at(30)).update(quantity=USUAL)
        DailyConsumption.objects.update(checked_revision=0)

        assert found("spike", now=NOW + timedelta(hours=1)) == []
        assert Finding.objects.get(rule="spike").resolution == "ended"

    def test_checks_only_the_main_table_of_meters_it_may(self):
        use(new_meter(kind="bulk_electricity"), {30: 5000})

        assert found("spike") == []
        assert Register.objects.count() == 1
