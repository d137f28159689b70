"""The most that a meter can count in a quarter of an hour, from what its nameplate says."""

from decimal import Decimal

from quantify.quantities import Utility

HOURS = Decimal("0.25")
KILO = 1000


def most_per_interval(
    utility: Utility, rating: Decimal, *, volts: Decimal, percent: Decimal
) -> int:
    """
    Whole Wh or litres in 15 minutes.

    ``rating`` is the rated current in A (E460: 80 A x 240 V x 120 % x 0.25 h = 5760 Wh), the
    overload flow Q4 in m³/h (ISO 4064), or the inverter's kVA. ``volts`` and ``percent`` (of the
    rated power) count for electricity alone: Q4 and kVA are limits already.
    """
    if utility is Utility.ELECTRICITY:
        return int(rating * volts * percent / 100 * HOURS)
    return int(rating * KILO * HOURS)
