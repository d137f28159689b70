"""
Checks on readings and the estimation of gaps (domain rules "VEE"); pure, without a database.
"""

import enum


class Rule(enum.IntFlag):
    """What a reading can break; kept with it as a set of bits."""

    NEGATIVE_STEP = 1
    ROLLOVER = 2
    PHYSICAL_MAXIMUM = 4
    GAP = 8
    STATUS_INVALID = 16
    STATUS_SUSPECT = 32
    UNALIGNED = 64
    IN_THE_FUTURE = 128

    @property
    def names(self) -> list[str]:
        return [rule.name.lower() for rule in Rule if rule in self and rule.name]
