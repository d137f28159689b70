"""From a pulse counter to a register: exact, in whole litres or Wh."""

from fractions import Fraction

COUNTER_SPAN = 2**32
"""Where a 32-bit pulse counter starts again at zero."""


def register(pulses: int, *, per_pulse: Fraction, base: int, span: int) -> int:
    """
    What the meter's own dial shows, in whole litres (Wh).

    ``per_pulse`` is what one pulse stands for, ``base`` what the dial showed when the counter
    stood at zero. The fraction of a litre is not lost: each register is computed from the whole
    counter, so that it counts again with the next pulses.
    """
    return (base + int(pulses * per_pulse)) % span


def span(per_pulse: Fraction) -> int:
    """Where the register starts again at zero because the counter does."""
    return max(1, int(COUNTER_SPAN * per_pulse))
