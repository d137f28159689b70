import asyncio

import pytest

from meters.dlms import client, obis
from meters.dlms.addressing import GatewayPrefix
from meters.dlms.errors import (
    AssociationRefused,
    ConnectionLost,
)
from meters.dlms.simulator.behaviour import Behaviour
from meters.tests.dlms.running import LOCALHOST, line_to, run, simulated
from meters.tests.dlms.standin import (
    NOON,
    StandIn,
    import_at,
)

IMPORT, EXPORT = obis.ENERGY_IMPORT, obis.ENERGY_EXPORT


class TestLine:
    def test_speaks_with_many_meters_at_once(self):
        standins = [StandIn(device) for device in range(101, 141)]

        async def read(line, device):
            async with line.associate(logical_device=device) as meter:
                return (await meter.register(IMPORT)).value

        async def main():
            async with line_to(*standins, behaviour=Behaviour(delay=0.05)) as (_, line):
                started = asyncio.get_running_loop().time()
                values = await asyncio.gather(*(read(line, device) for device in range(101, 141)))
                return values, asyncio.get_running_loop().time() - started

        values, seconds = run(main())
        assert values == [import_at(device, NOON) for device in range(101, 141)]
        # One after another they would take six seconds.
        assert seconds < 2

    def test_refuses_a_second_association_with_the_same_meter(self):
        async def main():
            async with line_to() as (_, line), line.associate(logical_device=101):
                with pytest.raises(AssociationRefused):
                    async with line.associate(logical_device=101):
                        pass

        run(main())

    def test_associates_again_after_leaving(self):
        async def main():
            async with line_to() as (_, line):
                clocks = []
                for _ in range(20):
                    async with line.associate(logical_device=101) as meter:
                        clocks.append(await meter.clock())
                return clocks

        assert run(main()) == [NOON] * 20

    def test_refuses_a_meter_that_is_not_there(self):
        async def main():
            async with line_to() as (_, line):
                with pytest.raises(AssociationRefused) as refused:
                    async with line.associate(logical_device=999):
                        pass
                return refused.value.diagnostic

        assert run(main()) == 7

    def test_leaves_the_line_usable_after_an_error_in_the_body(self):
        async def main():
            async with line_to() as (_, line):
                with pytest.raises(RuntimeError):
                    async with line.associate(logical_device=101):
                        raise RuntimeError
                async with line.associate(logical_device=101) as meter:
                    return await meter.clock()

        assert run(main()) == NOON

    def test_raises_if_nobody_listens(self):
        async def main():
            async with simulated() as (concentrator, port):
                await concentrator.stop()
                with pytest.raises(ConnectionLost):
                    async with client.connect(LOCALHOST, port, timeout=1):
                        pass

        run(main())

    def test_reaches_meters_behind_a_gateway(self):
        async def main():
            async with (
                simulated(StandIn(101), StandIn(102)) as (_, port),
                client.connect(LOCALHOST, port, addressing=GatewayPrefix(network=3)) as line,
                line.associate(logical_device=1, physical=b"\0\x65") as one,
                line.associate(logical_device=1, physical=b"\0\x66") as other,
            ):
                return await one.serial(), await other.serial()

        assert run(main()) == ("46000101", "46000102")
