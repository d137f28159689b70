"""Requests of one client to a web process, and what they cost it and the database."""

import http.client
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.measuring import family_seconds, served
from benchmarks.serving import Served

OK = 200


@dataclass(slots=True)
class Asked:
    """A request, and what it cost in each round: milliseconds of web process and database."""

    name: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    web: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    passed: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        return statistics.median(map(sum, zip(self.web, self.database, strict=True)))


class Client:
    """Asks one after another over a connection that it keeps."""

    def __init__(self, web: Served) -> None:
        self.web = web
        self.server = http.client.HTTPConnection("127.0.0.1", web.port, timeout=600)

    def measure(self, asked: Asked, times: int) -> None:
        """Ask so many times, and note the mean of each as a round."""
        worked, database, began = family_seconds(self.web.pid), served(), time.perf_counter()
        self.ask(asked, times)
        asked.passed.append(1000 * (time.perf_counter() - began) / times)
        asked.web.append(1000 * (family_seconds(self.web.pid) - worked) / times)
        asked.database.append(1000 * (served() - database) / times)

    def ask(self, asked: Asked, times: int = 1) -> bytes:
        """:raises AssertionError: if something else than 200 is answered."""
        body = b""
        for _ in range(times):
            self.server.request("GET", asked.path, headers=dict(asked.headers))
            answer = self.server.getresponse()
            body = answer.read()
            assert answer.status == OK, (asked.name, answer.status, body[:500])
        return body
