"""
What resale charged above the licensed price, in rand: plain calculation on bills.

South African resale rules expect a reseller to charge the licensee's tariff and nothing on top:
- NERSA, Guidelines on Electricity Resale (2016, under the Electricity Regulation Act 4 of 2006):
  a price "not less favourable than the licensed distributor" (quoted by golegal.co.za);
- ERASA, FAQ: the reseller "may not load the tariff with any administration, meter reading or
  maintenance charges" (erasa.org.za/faq);
- Energize, October 2022, p 46: rates and structure identical to the licensee's, "no additional
  costs such as prepaid vending fees may be recovered in the electricity tariffs";
- Ekurhuleni: not "more than what the buyer would have paid if they were a direct customer"
  (citizen.co.za, 17 July 2024).
The Guidelines were read through these. No source says whether the Electricity Regulation
Amendment Act of 2024 changed the rule, so that this reports, and refuses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from quantify.money import ZERO

MARKUP_WARNING = "South African resale rules expect no markup on electricity."


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """
    What a unit was charged for a month, and what the licensed price comes to on the same use.

    Both with VAT. `markup` is the part of the bill, before VAT, that a markup added.
    """

    unit_id: UUID
    unit_number: str
    consumption: int
    charged: Decimal
    allowed: Decimal
    markup: Decimal
    is_up_to_date: bool

    @property
    def difference(self) -> Decimal:
        return self.charged - self.allowed

    @property
    def excess(self) -> Decimal:
        """What was charged above the licensed price, or nothing."""
        return max(self.difference, ZERO)


@dataclass(frozen=True, slots=True)
class Compliance:
    """The units of an estate, the highest excess first."""

    units: tuple[Compared, ...]

    @property
    def charged(self) -> Decimal:
        return sum((one.charged for one in self.units), ZERO)

    @property
    def allowed(self) -> Decimal:
        return sum((one.allowed for one in self.units), ZERO)

    @property
    def excess(self) -> Decimal:
        """The sum over the units: what one was spared pays nothing back to another."""
        return sum((one.excess for one in self.units), ZERO)

    @property
    def over(self) -> int:
        """How many units were charged more."""
        return sum(one.excess > 0 for one in self.units)

    @property
    def not_up_to_date(self) -> int:
        return sum(not one.is_up_to_date for one in self.units)

    @property
    def markup(self) -> Decimal:
        return sum((one.markup for one in self.units), ZERO)


def compliance(units: Sequence[Compared]) -> Compliance:
    """Put what was compared in order."""
    return Compliance(
        tuple(sorted(units, key=lambda one: (-one.difference, one.unit_number, one.unit_id)))
    )
