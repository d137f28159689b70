"""The embedded servers of an instance, started and stopped as one."""

from quantify.stack.instance import Instance, NotRunning, Urls
from quantify.stack.postgres import DATABASE, PORT, ROLE, Postgres
from quantify.stack.quarters import Quarters
from quantify.stack.slots import NUMBERS_PER_SLOT
from quantify.stack.supervisor import GaveUp, Supervisor
from quantify.stack.valkey import Valkey, kept_password

SECONDS_TO_START = 60.0


class Servers:
    """
    What is not given from outside runs here.

    A URL in `given` names a server somebody else runs; no embedded one of its kind is started.
    """

    def __init__(self, instance: Instance, given: Urls) -> None:
        self._given = given
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self.quarters: Quarters | None = None
        if given.database and given.redis:
            return
        self.quarters, durable = Quarters.near(instance.home), instance.durable
        if not given.database:
            self._postgres = Postgres(self.quarters, durable=durable)
        if not given.redis:
            password = kept_password(instance.home / "valkey.password")
            self._valkey = Valkey(self.quarters, password=password, durable=durable)

    def start(self, supervisor: Supervisor) -> Urls:
        """
        Start them, wait until they answer, and tell how to reach them.

        :raises GaveUp: if one does not answer in time.
        """
        if self.quarters and self.quarters.is_elsewhere:
            supervisor.report(
                f"{self.quarters.account.name} cannot enter this folder, "
                f"so the servers keep their data in {self.quarters.storage}."
            )
        ours = [server for server in (self._postgres, self._valkey) if server]
        for server in ours:
            server.prepare()
            supervisor.keep(server.program(), vital=True)
        for server in ours:
            if not supervisor.wait_until(server.is_ready, timeout=SECONDS_TO_START):
                raise GaveUp(f"{server.program().name} does not answer.")
        if self._postgres:
            self._postgres.create_database()
        return Urls(
            database=self._postgres.url() if self._postgres else "",
            redis=self._valkey.url() if self._valkey else "",
        )

    def complete(self, urls: Urls) -> Urls:
        """
        The URLs of the embedded servers with the given ones beside them.

        :raises NotRunning: if a server is neither embedded nor given.
        """
        both = Urls(
            database=self._given.database or urls.database, redis=self._given.redis or urls.redis
        )
        if not (both.database and both.redis):
            raise NotRunning("The running servers are not complete; set DATABASE_URL or REDIS_URL.")
        return both

    def of_slot(self, slot: int, urls: Urls) -> Urls:
        """An empty database and a range of queue numbers which nobody else uses just now."""
        database, redis = urls.database, urls.redis
        if self._postgres:
            name = f"{DATABASE}_{slot}"
            self._postgres.make_anew(name)
            database = self._postgres.url(name)
        if self._valkey:
            redis = f"{redis.rpartition('/')[0]}/{slot * NUMBERS_PER_SLOT}"
        return Urls(database=database, redis=redis)

    def environment(self, urls: Urls) -> dict[str, str]:
        """What a program needs to reach them; `PG*` is for psql and its like."""
        variables = {
            "DATABASE_URL": urls.database,
            "TEST_DATABASE_URL": urls.database,
            "REDIS_URL": urls.redis,
        }
        if self._postgres:
            variables |= {
                "PGHOST": str(self._postgres.socket_directory),
                "PGPORT": str(PORT),
                "PGUSER": ROLE,
                "PGDATABASE": urls.database.rpartition("/")[2],
            }
        return variables
