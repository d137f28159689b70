"""What the demonstration tells: which estates there are, and what is wrong in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from quantify.periods import floor_to_interval

HISTORY = timedelta(days=90)
"""How long the estates have been lived in when the demonstration begins."""
BEHIND = timedelta(hours=24)


@dataclass(frozen=True)
class Past:
    """The history of the demonstration: from when to when."""

    begins: datetime
    ends: datetime

    @classmethod
    def before(cls, now: datetime, length: timedelta = HISTORY) -> Self:
        ends = floor_to_interval(now) - BEHIND
        return cls(ends - length, ends)


@dataclass(frozen=True, kw_only=True)
class Story:
    """
    One estate of the demonstration.

    Units are named A-101 and so on: building, floor, number. `low` and `empty` say what is left
    in a wallet when the history ends. In the buildings `water_by_radio` a LoRaWAN device counts
    the water; in the unit `switched_by_radio` one counts and switches the electricity. The other
    names are units where something is wrong.
    """

    code: str
    name: str
    address: str
    city: str
    postal_code: str
    buildings: str
    floors: int = 5
    units_a_floor: int = 5
    port_offset: int
    has_time_of_use: bool = False
    solar_price: str = "1.65"
    addressing: str = "wrapper_port"
    has_keys: bool = False
    loss_percent: Decimal = Decimal(1)
    water_loss_percent: Decimal = Decimal(1)
    vacant: frozenset[str] = frozenset()
    low: dict[str, str] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    leaking: str = ""
    offline: str = ""
    bypassed: str = ""
    water_by_radio: str = ""
    switched_by_radio: str = ""
    signs_in: str = ""
    """The home of the resident who has a login."""

    @property
    def units(self) -> Iterator[str]:
        for building in self.buildings:
            for floor in range(1, self.floors + 1):
                for number in range(1, self.units_a_floor + 1):
                    yield f"{building}-{floor}{number:02}"


WILLOW_CREEK = Story(
    code="WC001",
    name="Willow Creek",
    address="14 Willow Road, Lonehill",
    city="Johannesburg",
    postal_code="2062",
    buildings="AB",
    port_offset=0,
    has_keys=True,
    has_time_of_use=True,
    solar_price="1.50",
    vacant=frozenset({"A-505", "B-303"}),
    low={"A-103": "6.00", "B-204": "14.00", "A-301": "31.00", "B-401": "44.00"},
    empty=frozenset({"A-204"}),
    protected=frozenset({"B-101"}),
    leaking="A-402",
    offline="B-203",
    bypassed="B-305",
    water_by_radio="B",
    switched_by_radio="B-401",
    signs_in="A-101",
)
OAK_GARDENS = Story(
    code="OG001",
    name="Oak Gardens",
    address="3 Acorn Street, Centurion",
    city="Pretoria",
    postal_code="0157",
    buildings="ABC",
    port_offset=1,
    addressing="gateway_prefix",
    loss_percent=Decimal(11),
    water_loss_percent=Decimal(7),
    vacant=frozenset({"A-104", "B-502", "C-205", "C-501"}),
    low={"A-202": "5.00", "B-105": "19.00", "C-303": "38.00"},
    empty=frozenset({"B-404", "C-102"}),
)
STORIES = (WILLOW_CREEK, OAK_GARDENS)
