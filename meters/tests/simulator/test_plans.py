from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from meters.dlms.simulator.fleet import FleetPlan, Kind, MeterPlan, PlanInvalid, seed_of
from meters.tests.simulator.estate import DAY, EPOCH, estate, meter


class TestFleetPlan:
    def test_is_the_same_after_dump_and_load(self, tmp_path):
        plan = estate(
            4,
            loss_percent="6.5",
            planted={
                101: {"leak_litres_per_hour": 20, "leak_from": EPOCH},
                103: {"bypass_from": EPOCH + DAY, "bypass_percent": 15},
                105: {"offline_from": EPOCH + DAY, "offline_until": EPOCH + 2 * DAY},
                106: {"control_mode": 3},
            },
        )

        plan.dump(tmp_path / "fleet.json")

        assert FleetPlan.load(tmp_path / "fleet.json") == plan

    @pytest.mark.parametrize("content", ["", "[]", "{}", '{"code": "X"}', '{"epoch": "soon"}'])
    def test_refuses_a_file_without_a_plan(self, tmp_path, content):
        path = tmp_path / "fleet.json"
        path.write_text(content)

        with pytest.raises(PlanInvalid):
            FleetPlan.load(path)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"epoch": EPOCH + timedelta(minutes=1)}, id="epoch between slots"),
            pytest.param({"epoch": datetime(2026, 3, 1)}, id="epoch without zone"),  # noqa: DTZ001
            pytest.param({"loss_percent": Decimal(-1)}, id="negative loss"),
            pytest.param(
                {"meters": (meter(1, Kind.WATER), meter(1, Kind.SOLAR))}, id="same device"
            ),
            pytest.param(
                {"meters": (meter(1, Kind.BULK_WATER), meter(2, Kind.BULK_WATER))},
                id="two bulk meters",
            ),
        ],
    )
    def test_refuses_an_impossible_fleet(self, change):
        with pytest.raises(PlanInvalid):
            replace(estate(1), **change)

    def test_rounds_losses_down_on_the_running_total(self):
        plan = estate(1, loss_percent="6.5")

        assert [plan.losses("electricity", units) for units in (0, 15, 16, 1000)] == [0, 0, 1, 65]
        assert plan.losses("electricity", np.array([15, 16, 1000])).tolist() == [0, 1, 65]
        assert plan.losses("water", 1000) == 0


class TestMeterPlan:
    def test_is_offline_from_and_until_its_instants(self):
        plan = MeterPlan(
            logical_device=1,
            serial="A",
            kind=Kind.WATER,
            seed=1,
            offline_from=EPOCH,
            offline_until=EPOCH + DAY,
        )

        instants = [EPOCH - DAY, EPOCH, EPOCH + DAY]
        assert [plan.offline_at(at) for at in instants] == [False, True, False]
        assert replace(plan, offline_until=None).offline_at(EPOCH + 100 * DAY)


class TestSeedOf:
    def test_belongs_to_the_serial(self):
        assert seed_of("SIM000001") == 37172377491936407
        assert seed_of("SIM000001") != seed_of("SIM000002")
