"""The embedded servers of an instance, started and stopped as one."""

from quantify.stack.instance import Instance, Urls
from quantify.stack.postgres import DATABASE, Postgres
from quantify.stack.supervisor import GaveUp, Supervisor
from quantify.stack.valkey import Valkey

SECONDS_TO_START = 60.0
RESTARTS = 5


class Servers:
    """
    What is not given from outside runs here.

    A URL in `given` names a server somebody else runs; no embedded one of its kind is started.
    """

    def __init__(self, instance: Instance, given: Urls) -> None:
        self._postgres = None if given.database else Postgres(instance)
        self._valkey = None if given.redis else Valkey(instance)
        self._given = given

    def start(self, supervisor: Supervisor) -> Urls:
        """
        Start them and wait until they answer.

        :raises GaveUp: if one does not answer in time.
        """
        for server in (self._postgres, self._valkey):
            if server is not None:
                server.prepare()
                supervisor.keep(server.program(), restarts=RESTARTS)
        for server in (self._postgres, self._valkey):
            if server and not supervisor.wait_until(server.is_ready, timeout=SECONDS_TO_START):
                raise GaveUp(f"{server.program().name} does not answer.")
        if self._postgres:
            self._postgres.create_database()
        return self.urls()

    def urls(self, database: str = DATABASE, number: int = 0) -> Urls:
        return Urls(
            database=self._postgres.url(database) if self._postgres else self._given.database,
            redis=self._valkey.url(number) if self._valkey else self._given.redis,
        )
