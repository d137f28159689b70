from datetime import timedelta

import numpy as np
import pytest

from meters.dlms.simulator.fleet import Kind, plan_registers
from meters.tests.simulator.estate import DAY, EPOCH, SLOT, Time, estate, fleet_at

LEAK = {101: {"leak_litres_per_hour": 20, "leak_from": EPOCH + 2 * DAY}}
BYPASS = {103: {"bypass_percent": 10, "bypass_from": EPOCH + 2 * DAY}}


class TestPlanRegisters:
    def test_agrees_with_what_an_untouched_fleet_reports(self, tmp_path):
        plan = estate(6, loss_percent="4.25", planted=LEAK | BYPASS)
        start, end = EPOCH + DAY, EPOCH + 12 * DAY

        registers = plan_registers(plan, start, end)

        fleet = fleet_at(plan, tmp_path, Time(end))
        for meter in fleet:
            rows = meter.profile(start, end)
            assert [row[2] for row in rows] == registers[meter.logical_device].tolist()
            assert rows[0][0] == start
            assert rows[-1][0] == end
            assert meter.import_register(end) == registers[meter.logical_device][-1]

    def test_does_not_depend_on_the_range(self):
        plan = estate(3, loss_percent="4.25", planted=LEAK | BYPASS)

        whole = plan_registers(plan, EPOCH, EPOCH + 9 * DAY)
        part = plan_registers(plan, EPOCH + 4 * DAY, EPOCH + 5 * DAY)

        for device, registers in part.items():
            assert (registers == whole[device][4 * 96 : 5 * 96 + 1]).all()

    def test_opens_at_the_epoch_and_never_falls(self):
        plan = estate(3, loss_percent="4.25", planted=BYPASS)

        registers = plan_registers(plan, EPOCH, EPOCH + 9 * DAY)

        for meter in plan.meters:
            assert registers[meter.logical_device][0] == meter.opening_register
            assert np.diff(registers[meter.logical_device]).min() >= 0

    def test_shows_a_leak_at_night(self):
        registers = plan_registers(estate(1, planted=LEAK), EPOCH, EPOCH + 6 * DAY)

        # 00:00 to 04:00 in Johannesburg is 22:00 to 02:00 UTC.
        nights = np.diff(registers[101]).reshape(6, 96)[:, 88:]
        assert nights[:2].max() == 0
        assert nights[2:].tolist() == [[5] * 8] * 4

    def test_registers_a_small_share_of_a_bypassed_load_and_all_of_it_in_bulk(self):
        honest, tampered = estate(4), estate(4, planted=BYPASS)

        before = plan_registers(honest, EPOCH, EPOCH + 6 * DAY)
        after = plan_registers(tampered, EPOCH, EPOCH + 6 * DAY)

        whole, registered = np.diff(before[103]), np.diff(after[103])
        assert (registered[: 2 * 96] == whole[: 2 * 96]).all()
        assert (registered[2 * 96 :] == whole[2 * 96 :] // 10).all()
        assert (after[17] == before[17]).all()

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            pytest.param(EPOCH - SLOT, EPOCH, id="before the epoch"),
            pytest.param(EPOCH + SLOT / 2, EPOCH + DAY, id="start between slots"),
            pytest.param(EPOCH, EPOCH + DAY + timedelta(seconds=1), id="end between slots"),
        ],
    )
    def test_refuses_other_instants(self, start, end):
        with pytest.raises(ValueError, match="quarters"):
            plan_registers(estate(1), start, end)


class TestEnergyBalance:
    def test_of_an_estate_of_152_meters_holds_to_the_unit(self, tmp_path):
        leaking = {101: {"leak_litres_per_hour": 20, "leak_from": EPOCH + 2 * DAY}}
        plan = estate(50, loss_percent="6.5", planted=leaking | BYPASS)
        time = Time(EPOCH + 3 * DAY + timedelta(minutes=7))
        fleet = fleet_at(plan, tmp_path, time)
        assert len(fleet) == 152
        fleet[100].disconnect()
        fleet[103].disconnect()
        time.at += timedelta(hours=30, minutes=11)
        fleet[100].reconnect()
        time.at += timedelta(hours=5, microseconds=1)

        instants = [EPOCH, EPOCH + DAY, time.at - timedelta(hours=20), time.at]
        for at in instants:
            for kind, device in [(Kind.ELECTRICITY, 17), (Kind.WATER, 18)]:
                bulk = fleet[device]
                units = sum(unit.drawn(at) for unit in fleet if unit.plan.kind == kind)
                delivered = units + bulk.common(at)
                losses = delivered * 65 // 1000 if kind == Kind.ELECTRICITY else 0
                opening = bulk.plan.opening_register
                assert bulk.import_register(at) - opening == delivered + losses

    def test_holds_in_the_profile_of_the_bulk_meter(self, tmp_path):
        plan = estate(5, loss_percent="6.5", planted=BYPASS)
        time = Time(EPOCH + 3 * DAY + timedelta(minutes=7))
        fleet = fleet_at(plan, tmp_path, time)
        fleet[100].disconnect()
        time.at += DAY

        rows = fleet[17].profile(EPOCH, time.at)

        assert len(rows) == 4 * 96 + 1
        assert [row[2] for row in rows] == [fleet[17].import_register(row[0]) for row in rows]
