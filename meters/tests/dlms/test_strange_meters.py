"""Meters that answer late, wrongly, or what nobody asked."""

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from meters.dlms import apdu, axdr, client, obis
from meters.dlms.association import AssociationRequest, AssociationResponse
from meters.dlms.errors import (
    FrameError,
    ReplyTimeout,
    ServiceRefused,
)
from meters.dlms.services import (
    GetBlockResponse,
    GetListRequest,
    GetListResponse,
    GetNextRequest,
    GetRequest,
    GetResponse,
)
from meters.dlms.simulator.behaviour import Behaviour
from meters.dlms.simulator.conversation import Conversation
from meters.dlms.simulator.faults import FaultKind
from meters.dlms.simulator.objects import meter_device
from meters.tests.dlms.running import LOCALHOST, attempt, framed, line_to, run, scripted, until
from meters.tests.dlms.standin import NOON, StandIn

SERIAL = axdr.octets(b"46000101")


class TestLateReplies:
    def test_are_not_mistaken_for_the_answer_to_the_next_request(self):
        async def main():
            async with (
                line_to(timeout=0.3) as (concentrator, line),
                line.associate(logical_device=101) as meter,
            ):
                concentrator.faults.set(FaultKind.LATE, times=1, seconds=0.4)
                with pytest.raises(ReplyTimeout):
                    await meter.serial()
                # The answer to the serial arrives while this one is waited for.
                concentrator.faults.set(FaultKind.LATE, times=1, seconds=0.1)
                return await meter.register(obis.ENERGY_IMPORT)

        assert run(main()).value == 106_227_500

    def test_of_an_earlier_association_are_not_mistaken_either(self):
        async def main():
            async with line_to(timeout=0.3) as (concentrator, line):
                concentrator.faults.set(FaultKind.LATE, meter=101, times=2, seconds=0.2)
                first = await attempt(line)
                concentrator.faults.clear()
                await asyncio.sleep(0.05)
                return first, await attempt(line)

        _, (outcome, _) = run(main())
        assert outcome == NOON

    def test_with_another_invoke_id_are_discarded(self):
        async def answering(raw, writer):
            request = apdu.parse_request(raw)
            if isinstance(request, AssociationRequest):
                writer.write(framed(AssociationResponse().to_bytes()))
            elif isinstance(request, GetRequest):
                stale = GetResponse(request.invoke ^ 1, axdr.octets(b"stale"))
                fresh = GetResponse(request.invoke, SERIAL)
                unasked = bytes.fromhex("0f00000001000000")
                writer.write(framed(stale.to_bytes(), unasked, fresh.to_bytes()))

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=1) as line,
                line.associate(logical_device=101) as meter,
            ):
                return await meter.serial()

        assert run(main()) == "46000101"


class TestClockThatLostItsTime:
    def test_does_not_keep_the_registers_from_being_read(self):
        lost = axdr.octets(b"\xff" * 12)
        register = axdr.uint32(5), axdr.structure(axdr.int8(0), axdr.enumerated(30))

        async def answering(raw, writer):
            request = apdu.parse_request(raw)
            if isinstance(request, AssociationRequest):
                writer.write(framed(AssociationResponse().to_bytes()))
            elif isinstance(request, GetListRequest):
                body = b"\x03" + b"".join(b"\x00" + data for data in (lost, *register))
                writer.write(framed(GetListResponse(request.invoke, body).to_bytes()))

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=1) as line,
                line.associate(logical_device=101) as meter,
            ):
                return await meter.snapshot(registers=[obis.ENERGY_IMPORT], relay=False)

        snapshot = run(main())
        assert snapshot.clock is None
        assert snapshot.registers[obis.ENERGY_IMPORT].value == 5


@asynccontextmanager
async def overheard(behaviour=None, after_each=b""):
    """A line to a meter, and the list of all that was said to it."""
    behaviour, said = behaviour or Behaviour(), []
    conversation = Conversation(meter_device(StandIn(), behaviour), behaviour)

    async def answering(raw, writer):
        said.append(raw)
        strays = [after_each] if after_each else []
        writer.write(framed(conversation.answer(raw), *strays))

    async with (
        scripted(answering) as port,
        client.connect(LOCALHOST, port, timeout=1) as line,
    ):
        yield line, said


class TestManners:
    def test_a_meter_is_released_when_the_body_fails(self):
        async def main():
            async with overheard() as (line, said):
                with pytest.raises(RuntimeError):
                    async with line.associate(logical_device=101):
                        raise RuntimeError
                await until(lambda: len(said) == 2)
                return said[-1]

        assert run(main()).hex() == "6203800100"

    def test_a_meter_is_spoken_to_in_its_own_time(self):
        async def main():
            async with (
                overheard(Behaviour(utc_offset=timedelta(hours=-3))) as (line, said),
                line.associate(logical_device=101) as meter,
            ):
                await meter.clock()
                await meter.profile(obis.LOAD_PROFILE, start=NOON, end=NOON)
                return apdu.parse_request(said[-1]).selection

        # 09:05, and 180 minutes to UTC.
        assert run(main()).start.hex() == "07ea0302010905000000b400"

    def test_an_exception_that_nothing_asked_for_is_forgotten(self):
        async def main():
            async with (
                overheard(after_each=b"\xd8\x01\x02") as (line, _),
                line.associate(logical_device=101) as meter,
            ):
                return await meter.serial(), await meter.serial()

        assert run(main()) == ("46000101", "46000101")

    @pytest.mark.parametrize("content", [b"", bytes(60_000)], ids=["empty", "huge"])
    def test_blocks_without_end_are_given_up(self, content):
        async def answering(raw, writer):
            request = apdu.parse_request(raw)
            match request:
                case AssociationRequest():
                    writer.write(framed(AssociationResponse().to_bytes()))
                case GetRequest() | GetNextRequest():
                    number = getattr(request, "number", 0) + 1
                    block = GetBlockResponse(request.invoke, False, number, content)
                    writer.write(framed(block.to_bytes()))

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=1) as line,
                line.associate(logical_device=101) as meter,
            ):
                with pytest.raises(FrameError):
                    await meter.serial()

        run(asyncio.wait_for(main(), 5))

    def test_blocks_that_come_twice_are_taken_once(self):
        behaviour = Behaviour(max_pdu=128)
        talk = Conversation(meter_device(StandIn(), behaviour), behaviour)

        async def answering(raw, writer):
            reply = framed(talk.answer(raw))
            writer.write(reply)
            # The second one comes when the next block was asked for.
            await asyncio.sleep(0.02)
            writer.write(reply)

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=1) as line,
                line.associate(logical_device=101) as meter,
            ):
                start = NOON - timedelta(hours=3)
                return await meter.profile(obis.LOAD_PROFILE, start=start, end=NOON)

        assert len(run(main())) == 12

    def test_a_list_with_an_answer_too_few_is_refused(self):
        async def answering(raw, writer):
            request = apdu.parse_request(raw)
            if isinstance(request, AssociationRequest):
                writer.write(framed(AssociationResponse().to_bytes()))
            elif isinstance(request, GetListRequest):
                writer.write(framed(GetListResponse(request.invoke, b"\x01\x01\x04").to_bytes()))

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=1) as line,
                line.associate(logical_device=101) as meter,
            ):
                with pytest.raises(FrameError, match="1 answers to 2 questions"):
                    await meter.register(obis.ENERGY_IMPORT)

        run(main())


def answered_with(*responses):
    """What ``serial()`` ends in if the meter answers the GET with these APDUs."""

    async def answering(raw, writer):
        request = apdu.parse_request(raw)
        if isinstance(request, AssociationRequest):
            writer.write(framed(AssociationResponse().to_bytes()))
        else:
            writer.write(framed(*(response(request.invoke) for response in responses)))

    async def main():
        async with (
            scripted(answering) as port,
            client.connect(LOCALHOST, port, timeout=0.5) as line,
            line.associate(logical_device=101) as meter,
        ):
            return await meter.serial()

    return run(main())


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        ("response", "error"),
        [
            pytest.param(lambda _: b"\xd8\x01\x02", ServiceRefused, id="exception-response"),
            pytest.param(lambda _: b"", FrameError, id="an empty APDU"),
            pytest.param(lambda _: b"\xc8\x00\x00", FrameError, id="an APDU nobody knows"),
            pytest.param(
                lambda invoke: bytes((0xC4, 1, invoke, 0, 1, 0xFF)), FrameError, id="broken data"
            ),
            pytest.param(
                lambda invoke: bytes((0xC4, 3, invoke, 0)), FrameError, id="a list unasked"
            ),
            pytest.param(
                lambda invoke: GetBlockResponse(invoke, False, 2, b"\x00").to_bytes(),
                FrameError,
                id="the second block first",
            ),
            pytest.param(
                lambda invoke: GetBlockResponse(invoke, False, 1, b"").to_bytes(),
                FrameError,
                id="blocks without content",
            ),
        ],
    )
    def test_raise_our_errors(self, response, error):
        with pytest.raises(error):
            answered_with(response)

    @pytest.mark.parametrize("seed", range(20))
    def test_noise_on_the_wire_ends_in_our_errors(self, seed):
        noise = random.Random(seed).randbytes(64)

        async def answering(_, writer):
            writer.write(noise)

        async def main():
            async with (
                scripted(answering) as port,
                client.connect(LOCALHOST, port, timeout=0.2) as line,
            ):
                return await attempt(line)

        assert run(main())[0] in {FrameError, ReplyTimeout}
