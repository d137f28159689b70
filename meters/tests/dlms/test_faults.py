import asyncio
import json
from pathlib import Path

import pytest

from meters.dlms import client
from meters.dlms.errors import (
    AssociationRefused,
    ConnectionLost,
    FrameError,
    ReplyTimeout,
)
from meters.dlms.simulator.faults import Control, FaultKind, FaultPlan
from meters.dlms.simulator.server import serve
from meters.tests.dlms.running import LOCALHOST, attempt, line_to, run, until
from meters.tests.dlms.standin import NOON, StandIn


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "outcome"),
        [
            pytest.param(FaultKind.CLOSE_MID_REPLY, ConnectionLost, id="closed mid-reply"),
            pytest.param(FaultKind.REFUSE_ASSOCIATION, AssociationRefused, id="refused"),
            pytest.param(FaultKind.GARBAGE, FrameError, id="garbage"),
            pytest.param(FaultKind.SEGMENTED, NOON, id="one octet per segment"),
        ],
    )
    def test_are_noticed_long_before_the_timeout(self, kind, outcome):
        async def main():
            async with line_to(timeout=20) as (concentrator, line):
                concentrator.faults.set(kind)
                return await attempt(line)

        found, seconds = run(main())
        assert found == outcome
        assert seconds < 2

    @pytest.mark.parametrize("kind", [FaultKind.SILENT, FaultKind.MUTE])
    def test_silence_ends_in_a_timeout(self, kind):
        async def main():
            async with line_to(timeout=0.2) as (concentrator, line):
                concentrator.faults.set(kind)
                return await attempt(line)

        found, seconds = run(main())
        assert found is ReplyTimeout
        assert 0.2 <= seconds < 1

    def test_of_one_meter_leave_the_others_alone(self):
        async def main():
            async with line_to(StandIn(101), StandIn(102), timeout=0.2) as (concentrator, line):
                concentrator.faults.set(FaultKind.SILENT, meter=101)
                return (await attempt(line, 101))[0], (await attempt(line, 102))[0]

        assert run(main()) == (ReplyTimeout, NOON)

    def test_end_after_their_times_or_when_cleared(self):
        plan = FaultPlan()
        plan.set(FaultKind.SILENT, meter=101, times=2)
        plan.set(FaultKind.GARBAGE)

        struck = [plan.strike(101).kind for _ in range(3)]
        plan.clear()

        assert struck == [FaultKind.SILENT, FaultKind.SILENT, FaultKind.GARBAGE]
        assert plan.strike(101) is None

    def test_a_silent_disconnect_is_not_carried_out_and_a_mute_one_is(self):
        standin = StandIn()

        async def main():
            states = []
            async with line_to(standin, timeout=0.2) as (concentrator, line):
                for kind in (FaultKind.SILENT, FaultKind.MUTE):
                    async with line.associate(logical_device=101) as meter:
                        concentrator.faults.set(kind, times=1)
                        with pytest.raises(ReplyTimeout):
                            await meter.disconnect()
                        states.append((await meter.relay()).output)
            return states

        assert run(main()) == [True, False]

    def test_an_offline_meter_is_silent(self):
        async def main():
            async with line_to(StandIn(offline=True), timeout=0.2) as (_, line):
                return await attempt(line)

        assert run(main())[0] is ReplyTimeout

    def test_a_meter_that_does_not_say_goodbye_costs_no_error(self):
        async def main():
            async with line_to(timeout=0.2) as (concentrator, line):
                async with line.associate(logical_device=101) as meter:
                    clock = await meter.clock()
                    concentrator.faults.set(FaultKind.SILENT)
                return clock

        assert run(main()) == NOON

    def test_a_closed_line_fails_everything_that_waits_on_it(self):
        async def main():
            standins = [StandIn(device) for device in (101, 102, 103)]
            async with line_to(*standins, timeout=20) as (concentrator, line):
                concentrator.faults.set(FaultKind.SILENT, meter=101)
                concentrator.faults.set(FaultKind.SILENT, meter=102)
                concentrator.faults.set(FaultKind.CLOSE_MID_REPLY, meter=103)
                found = await asyncio.gather(*(attempt(line, d) for d in (101, 102, 103)))
                return found, await attempt(line, 101)

        found, afterwards = run(main())
        assert [outcome for outcome, _ in found] == [ConnectionLost] * 3
        assert afterwards[0] is ConnectionLost
        assert max(seconds for _, seconds in found) < 2


class TestControlFile:
    def test_is_followed_while_the_simulator_runs(self, tmp_path):
        path = tmp_path / "control.json"
        order = {"delay": 0.01, "faults": [{"kind": "silent", "meter": 101}]}

        async def main():
            bound = asyncio.get_running_loop().create_future()
            serving = asyncio.create_task(
                serve(
                    [StandIn()],
                    LOCALHOST,
                    0,
                    control=path,
                    started=lambda concentrator, port: bound.set_result((concentrator, port)),
                )
            )
            concentrator, port = await bound
            async with client.connect(LOCALHOST, port, timeout=0.2) as line:
                before = await attempt(line)
                path.write_text(json.dumps(order))
                await until(lambda: concentrator.faults.strike(101))
                during = await attempt(line)
                path.unlink()
                await until(lambda: not concentrator.faults.strike(101))
                after = await attempt(line)
            serving.cancel()
            return before[0], during[0], after[0], concentrator.behaviour.delay

        assert run(main()) == (NOON, ReplyTimeout, NOON, 0.01)

    @pytest.mark.parametrize(
        "text", ["", "[]", "{", '{"faults": [{}]}', '{"faults": [{"kind": "x"}]}', '{"delay": []}']
    )
    def test_is_refused_if_it_is_no_control_file(self, tmp_path: Path, text: str):
        path = tmp_path / "control.json"
        path.write_text(text)

        with pytest.raises(ValueError):  # noqa: PT011 - JSON and enumerations say it in their way
            Control.read(path)
