import numpy as np
import pytest

from meters.dlms.simulator import loads
from meters.dlms.simulator.homes import splitmix64

# 1 March 2026 00:00 in Johannesburg.
MIDNIGHT = 1_772_316_000 // 900
DAYS = 60
SEEDS = list(range(40))
MODELS = [
    loads.electricity,
    loads.water,
    loads.solar,
    loads.common_electricity,
    loads.common_water,
]


def by_day(model, residents, first=MIDNIGHT):
    drawn = model(SEEDS, [residents] * len(SEEDS), first, first + DAYS * 96)
    return drawn.reshape(len(SEEDS), DAYS, 96)


class TestSplitmix64:
    def test_gives_the_published_numbers(self):
        steps = np.array([0, 0x9E3779B97F4A7C15], dtype=np.uint64)

        assert splitmix64(steps).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


class TestEveryModel:
    @pytest.mark.parametrize("model", MODELS)
    def test_has_one_value_for_a_slot_whichever_range_is_asked(self, model):
        sizes = [seed % 7 for seed in SEEDS]
        whole = model(SEEDS, sizes, MIDNIGHT, MIDNIGHT + 20 * 96)

        for start, end in [(0, 1), (95, 97), (333, 1000), (1919, 1920)]:
            part = model(SEEDS, sizes, MIDNIGHT + start, MIDNIGHT + end)
            assert (part == whole[:, start:end]).all()

    @pytest.mark.parametrize("model", MODELS)
    def test_does_not_depend_on_the_other_homes(self, model):
        sizes = [seed % 7 for seed in SEEDS]
        together = model(SEEDS, sizes, MIDNIGHT, MIDNIGHT + 500)

        alone = model([SEEDS[9]], [sizes[9]], MIDNIGHT, MIDNIGHT + 500)

        assert (alone[0] == together[9]).all()

    @pytest.mark.parametrize("model", MODELS)
    def test_is_never_negative_and_differs_between_homes(self, model):
        drawn = by_day(model, 3)

        assert drawn.min() == 0 or model in {loads.electricity, loads.common_electricity}
        assert drawn.min() >= 0
        assert len({home.tobytes() for home in drawn}) == len(SEEDS)

    def test_keeps_the_history_already_told(self):
        drawn = loads.electricity([7], [3], MIDNIGHT + 72, MIDNIGHT + 80)

        assert drawn.tolist() == [[155, 447, 520, 451, 113, 106, 671, 870]]


class TestElectricity:
    @pytest.mark.parametrize(
        ("residents", "least", "most"), [(1, 6, 12), (2, 8, 15), (4, 13, 23), (6, 18, 30)]
    )
    def test_has_the_daily_total_of_a_household(self, residents, least, most):
        kwh = by_day(loads.electricity, residents).sum(axis=2) / 1000

        assert least < kwh.mean() < most
        assert kwh.min() > 3
        assert kwh.max() < 40

    def test_peaks_in_the_morning_and_in_the_evening(self):
        hours = by_day(loads.electricity, 3).mean(axis=(0, 1)).reshape(24, 4).sum(axis=1)

        assert min(hours[6:8]) > 2 * hours[11]
        assert min(hours[18:21]) > 2 * hours[11]
        assert hours[11] > hours[0]

    def test_shows_the_geyser_as_bursts(self):
        night = by_day(loads.electricity, 3)[:, :, 8:16]

        assert np.median(night) < 80
        assert night.max() > 400

    def test_stays_below_what_the_meter_can_carry(self):
        assert by_day(loads.electricity, 6).max() < 5760

    def test_is_higher_in_winter(self):
        july = by_day(loads.electricity, 3, first=MIDNIGHT + 100 * 96)

        assert july.mean() > 1.1 * by_day(loads.electricity, 3).mean()

    def test_rises_later_at_the_weekend(self):
        days = by_day(loads.electricity, 3).mean(axis=0)
        seven = days[:, 24:28].sum(axis=1)

        sundays, mondays = seven[0::7], seven[1::7]
        assert mondays.mean() > 1.2 * sundays.mean()

    def test_of_a_vacant_unit_is_standby_only(self):
        assert by_day(loads.electricity, 0).sum(axis=2).max() < 1500


class TestWater:
    @pytest.mark.parametrize(
        ("residents", "least", "most"), [(1, 200, 350), (3, 450, 700), (5, 700, 950)]
    )
    def test_has_the_daily_total_of_a_household(self, residents, least, most):
        assert least < by_day(loads.water, residents).sum(axis=2).mean() < most

    def test_is_zero_at_night(self):
        drawn = by_day(loads.water, 6)

        assert drawn[:, :, :20].max() == 0
        assert drawn[:, :, 92:].max() == 0

    def test_of_a_vacant_unit_is_zero(self):
        assert by_day(loads.water, 0).max() == 0


class TestLeak:
    def test_runs_from_its_slot_and_adds_up_to_its_rate(self):
        lost = loads.leak(15, since=MIDNIGHT + 4, first=MIDNIGHT, last=MIDNIGHT + 100)

        assert lost[:4].tolist() == [0, 0, 0, 0]
        assert lost[4:].sum() == 24 * 15
        assert set(lost[4:].tolist()) == {3, 4}


class TestSolar:
    def test_has_the_daily_total_of_a_share_in_a_roof(self):
        kwh = by_day(loads.solar, 3).sum(axis=2) / 1000

        assert 3 < kwh.mean() < 10

    def test_is_zero_at_night_and_highest_about_noon(self):
        slots = by_day(loads.solar, 3).mean(axis=(0, 1))

        assert slots[:20].max() == 0
        assert slots[76:].max() == 0
        assert 44 < slots.argmax() < 53

    def test_suffers_under_clouds_everywhere_at_once(self):
        kwh = by_day(loads.solar, 3).sum(axis=2)

        assert kwh.mean(axis=0).min() < 0.5 * kwh.mean(axis=0).max()
        assert np.corrcoef(kwh[0], kwh[1])[0, 1] > 0.9
