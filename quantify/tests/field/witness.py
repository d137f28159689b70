"""
The witness at the socket: every order that leaves, held against the script.

Whether a guard was true is worked out here from the test's own script and the simulator's
registers; nothing is asked of the product or its database.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from threading import Lock
from zoneinfo import ZoneInfo

from meters.dlms.simulator.meter import SimulatedMeter
from quantify.tests.faulty_line import Frame
from quantify.tests.field.script import PRICE, Day, Home, Mishap

DISCONNECT_CONTROL = bytes.fromhex("0046000060030aff")
PROFILES = tuple(bytes.fromhex(text) for text in ("00070100630100ff02", "00070800630100ff02"))
GET, ACTION, GOT, DONE = 0xC0, 0xC3, 0xC4, 0xC7
METHODS = {1: "disconnect", 2: "reconnect"}
FRESH = timedelta(minutes=60)
BREAKER = timedelta(minutes=15)
LIFETIME = timedelta(minutes=29)
ROUNDING = Decimal("0.03")
ZONE = ZoneInfo("Africa/Johannesburg")
OFFICE_ESTATE = 1
MOST_AT_ONCE, PERCENT = 10, 5


class Witness:
    """What left the socket, and what was wrong with it."""

    def __init__(
        self,
        day: Day,
        homes: Mapping[int, Home],
        meters: Callable[[int], SimulatedMeter],
        now: Callable[[], datetime],
    ) -> None:
        self.wrong: list[str] = []
        self.orders: list[tuple[datetime, int, str]] = []
        self.seen: Counter[str] = Counter()
        self._day = day
        self._homes = homes
        self._meters = meters
        self._now = now
        self._lock = Lock()
        self._asked: dict[tuple[str, int, int], bool] = {}
        self._profile_at: dict[int, datetime] = {}
        self._relay_read: set[tuple[str, int, int]] = set()

    def hears(self, line: str, frame: Frame) -> None:
        """Take note of a request from the head end."""
        tag, body = frame.apdu[0], frame.apdu
        key = (line, frame.connection, frame.meter)
        self.seen["requests"] += 1
        if tag == GET:
            self._asked[key] = any(profile in body for profile in PROFILES)
            if DISCONNECT_CONTROL in body:
                self._relay_read.add(key)
        elif tag == ACTION and DISCONNECT_CONTROL in body:
            action = METHODS[body[3 + len(DISCONNECT_CONTROL)]]
            with self._lock:
                self._order(key, self._homes[frame.meter], action)

    def delivers(self, line: str, frame: Frame) -> None:
        """Take note of a reply that goes back."""
        self.seen["replies"] += 1
        key = (line, frame.connection, frame.meter)
        if frame.apdu[:1] == bytes((GOT,)) and self._asked.get(key):
            self._profile_at[frame.meter] = self._now()

    def _order(self, key: tuple[str, int, int], home: Home, action: str) -> None:
        at = self._now()
        if action == "disconnect":
            wrong = [name for name, fails in self._guards(key, home, at).items() if fails]
            if wrong:
                self.wrong.append(f"{home.serial} cut at {at:%d %H:%M:%S}: {', '.join(wrong)}")
        self.orders.append((at, home.device, action))
        self._relay_read.discard(key)

    def _guards(self, key: tuple[str, int, int], home: Home, at: datetime) -> Mapping[str, bool]:
        return {
            f"R{self.credit(home, at)} is left": self.credit(home, at) > ROUNDING,
            "outside of office hours": home.estate == OFFICE_ESTATE and not _is_office(at),
            "protected": home.is_protected(at),
            "never warned": home.unwarned or at < self._day.mail_from,
            "inhibited": self._day.is_inhibited(at),
            "stale": at - self._read_at(home, at) > FRESH,
            "too many at once": self._too_many(home, at),
            "repeated without reading the relay": self._is_blind(key, home, at),
        }

    def credit(self, home: Home, at: datetime) -> Decimal:
        """What was paid less what the meter has really counted; the product never knows more."""
        meter = self._meters(home.device)
        used = meter.import_register(at) - meter.plan.opening_register
        return home.paid_by(at) - used * PRICE

    def _read_at(self, home: Home, at: datetime) -> datetime:
        read = self._profile_at.get(home.device, self._day.epoch)
        if home.mishap is Mishap.FROZEN and home.is_in_trouble(at) and home.trouble:
            return min(read, home.trouble[0])
        return read

    def _too_many(self, home: Home, at: datetime) -> bool:
        lately = {
            who for when, who, what in self.orders
            if what == "disconnect" and at - when < BREAKER
            and self._homes[who].estate == home.estate and who != home.device
        }  # fmt: skip
        units = sum(one.estate == home.estate for one in self._homes.values())
        most = min(MOST_AT_ONCE, units * PERCENT // 100)
        return bool(lately) and len(lately) + 1 > most

    def _is_blind(self, key: tuple[str, int, int], home: Home, at: datetime) -> bool:
        mine = [(when, what) for when, who, what in self.orders if who == home.device]
        if not mine or mine[-1][1] != "disconnect" or at - mine[-1][0] > LIFETIME:
            return False
        return key not in self._relay_read


def _is_office(at: datetime) -> bool:
    """The day of the proof is an ordinary Tuesday; after it comes an ordinary Wednesday."""
    return time(9) <= at.astimezone(ZONE).time() < time(15)
