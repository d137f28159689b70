"""Many at the same time, each over a connection of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep

from django.db import connection


def at_once(work: Callable[[int], object], *, times: int, threads: int) -> list[object]:
    """Run work from many threads over real connections; exceptions are answers too."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda number: _isolated(lambda: work(number)), range(times)))


def held_up(work: Callable[[], object]) -> Future[object]:
    """Begin work in a thread; back once it waits for what this database transaction holds."""
    pool = ThreadPoolExecutor(1)
    begun = pool.submit(_isolated, work)
    pool.shutdown(wait=False)
    while not begun.done() and not _is_waited_for():
        sleep(0.01)
    return begun


def _isolated(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:
        return error
    finally:
        connection.close()


def _is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
            " AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        (found,) = cursor.fetchone()
    return bool(found)
