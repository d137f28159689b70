"""
How far a bill goes on as it is: the lines that grow with what is still to come of its last day.

Where the answer is plain, quantity times price, whoever keeps it can add to the lines without
asking the engine for each reading; where it is not, there is none, and the engine is asked.
"""

from typing import NamedTuple

from quantify.quantities import DECIMALS
from rates.engine import Bill


class Growing(NamedTuple):
    """A line of a bill, by its place, that grows with what is to come: `rates.lines.Growth`."""

    line: int
    band: str | None
    room: int | None


def continuation(bill: Bill) -> list[Growing] | None:
    """
    The lines that grow while the last day begun goes on; all others stay as they are.

    Bands that have no line yet are left out: what comes in them makes a new one. None if anything
    else than lines would change, or if a line is not of whole Wh or litres. The markup is the
    caller's to look at: it grows by itself.
    """
    begun = [stretch for stretch in bill.stretches if stretch.days_charged]
    if not begun or any(stretch.quantity for stretch in bill.stretches[len(begun) :]):
        return None
    places = {
        (line.component, line.what): place
        for place, line in enumerate(bill.lines)
        if line.segment == begun[-1].segment
    }
    found: list[Growing] = []
    for stretch in bill.stretches:
        for component, charge in stretch.in_force:
            growths = charge.growth(stretch)
            if growths is None:
                return None
            for growth in growths if stretch is begun[-1] else ():
                place = places.get((component, growth.what))
                if place is not None:
                    found.append(Growing(place, growth.band, growth.room))
                elif growth.band is None:
                    return None
    whole = all(bill.lines[one.line].quantity.as_tuple().exponent == -DECIMALS for one in found)
    return found if whole else None
