"""Many at the same time, each over a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(work: Callable[[int], object], *, times: int, threads: int) -> list[object]:
    """Run work from many threads over real connections; exceptions are answers too."""

    def isolated(number: int) -> object:
        try:
            return work(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(isolated, range(times)))
