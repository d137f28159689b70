"""
Everything that serves is killed without warning while clients pay and meters count.

What the clients were told is kept outside of the database; afterwards every acknowledged top-up is
there once, nothing is there twice, and every kWh is charged once.
"""

from collections.abc import Iterator
from statistics import median

import pytest

from quantify.stack.tests.conftest import (  # noqa: F401  (fixtures of the stack)
    Stack,
    _nothing_given,
    _signals_as_before,
    home,
    stack,
)
from quantify.tests.shop import Shop

# More of PostgreSQL itself within a minute, and the supervisor rightly gives up.
SHORT = {"web": 3, "worker": 2, "child": 5, "backend": 5, "postgres": 3}
LONG = {"web": 30, "worker": 20, "child": 40, "backend": 40, "postgres": 12}
# Ten seconds are what a resident may wait; a loaded machine that starts Python anew takes longer.
RECOVERED_WITHIN = 60

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:  # noqa: F811
    opened = Shop(stack)
    yield opened
    opened.close()


def report(shop: Shop) -> None:
    for kind, seconds in shop.recoveries.items():
        print(  # noqa: T201  (shown by `pytest -s`, and by `make soak`)
            f"\n{kind}: killed {len(seconds)} times, served again after {median(seconds):.1f} s,"
            f" at worst {max(seconds):.1f} s",
            end="",
        )
    print(f"\n{len(shop.acknowledged)} payments; given up {shop.given_up} times")  # noqa: T201


class TestKills:
    @pytest.mark.parametrize("kills", [SHORT, pytest.param(LONG, marks=pytest.mark.soak)])
    def test_lose_nothing_and_double_nothing(self, kills: dict[str, int], shop: Shop):
        shop.trade([kind for kind, times in kills.items() for _ in range(times)])
        shop.settle()

        report(shop)
        assert shop.faults() == []
        assert max(max(seconds) for seconds in shop.recoveries.values()) < RECOVERED_WITHIN

    def test_are_noticed_where_commits_do_not_wait_for_the_disk(self, shop: Shop):
        shop.servers.sql("ALTER SYSTEM SET synchronous_commit = off")
        shop.servers.sql("ALTER SYSTEM SET wal_writer_delay = '10s'")
        shop.servers.sql("SELECT pg_reload_conf()")

        shop.trade(["postgres"] * 3)

        assert any("is lost" in words for words in shop.faults())
