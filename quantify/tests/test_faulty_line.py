"""The line that goes wrong does what each of its troubles says."""

import asyncio
from random import Random

import pytest

from quantify.tests.faulty_line import FAIR, HEADER, FaultyLine, Trouble, Weather

ADDRESS = "127.0.0.1"


def frame(meter: int, text: bytes) -> bytes:
    return HEADER.pack(1, meter, 1, len(text)) + text


def request(meter: int, text: bytes) -> bytes:
    return HEADER.pack(1, 1, meter, len(text)) + text


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A concentrator whose meters say what they were told."""
    try:
        while True:
            _, client, meter, length = HEADER.unpack(await reader.readexactly(HEADER.size))
            text = await reader.readexactly(length)
            writer.write(HEADER.pack(1, meter, client, length) + text)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def heard(weather: Weather, *asked: bytes, at_once: bool = False) -> tuple[bytes, str]:
    """What comes back of some requests, and how it ended: quiet, closed or reset."""
    server = await asyncio.start_server(echo, ADDRESS, 0)
    concentrator = server.sockets[0].getsockname()[:2]
    line = FaultyLine(concentrator, lambda *_: weather, seed=1)
    reader, writer = await asyncio.open_connection(ADDRESS, await line.start())
    got, ending = b"", "quiet"
    try:
        for one in [b"".join(asked)] if at_once else asked:
            writer.write(one)
            try:
                async with asyncio.timeout(0.6):
                    while piece := await reader.read(1000):
                        got += piece
                ending = "closed"
            except TimeoutError:
                ending = "quiet"
            except ConnectionResetError:
                ending = "reset"
    finally:
        writer.close()
        await line.stop()
        server.close()
    assert weather == FAIR or line.struck[weather.trouble] == 1
    return got, ending


ONE, TWO = frame(101, b"first"), frame(102, b"second!")
ASK_ONE, ASK_TWO = request(101, b"first"), request(102, b"second!")


class TestFaultyLine:
    @pytest.mark.parametrize(
        ("weather", "came", "ending"),
        [
            pytest.param(FAIR, ONE + TWO, "quiet", id="fair"),
            pytest.param(Weather(Trouble.LATENCY), ONE + TWO, "quiet", id="latency"),
            pytest.param(Weather(Trouble.JITTER), ONE + TWO, "quiet", id="jitter"),
            pytest.param(Weather(Trouble.OCTETS), ONE + TWO, "quiet", id="octets"),
            pytest.param(Weather(Trouble.JOINED), ONE + TWO, "quiet", id="joined"),
            pytest.param(Weather(Trouble.DUPLICATE), ONE * 2 + TWO * 2, "quiet", id="duplicate"),
            pytest.param(Weather(Trouble.REORDERED), TWO + ONE, "quiet", id="reordered"),
            pytest.param(Weather(Trouble.BANDWIDTH), ONE + TWO, "quiet", id="bandwidth"),
            pytest.param(Weather(Trouble.SILENCE, 1), ONE, "quiet", id="silence"),
            pytest.param(Weather(Trouble.FIN, 1), ONE + TWO[:8], "closed", id="fin"),
            pytest.param(Weather(Trouble.RESET, 1), ONE + TWO[:7], "reset", id="reset"),
        ],
    )
    def test_troubles_the_replies(self, weather: Weather, came: bytes, ending: str):
        got, end = asyncio.run(heard(weather, ASK_ONE, ASK_TWO, at_once=True))

        # What was not read yet when a reset came may be lost with it.
        assert got == came or (ending == "reset" and came.startswith(got))
        assert end == ending

    def test_repeats_the_reply_before(self):
        again = request(101, b"third")

        got, _ = asyncio.run(heard(Weather(Trouble.LATE), ASK_ONE, again))

        assert got == ONE + ONE + frame(101, b"third")

    def test_dribbles(self):
        got, ending = asyncio.run(heard(Weather(Trouble.SLOW), ASK_ONE))

        assert 0 < len(got) < len(ONE)
        assert ending == "quiet"

    def test_troubles_the_same_connections_under_the_same_seed(self):
        def script(_: int, chance: Random) -> Weather:
            return Weather(chance.choice(list(Trouble)))

        drawn = [
            [script(number, line.chance) for number in range(30)]
            for line in (FaultyLine((ADDRESS, 1), script, seed=7) for _ in range(2))
        ]

        assert drawn[0] == drawn[1]
