"""
The resale check: every bill of an estate's month rated again on the licensed rate table.

Nothing is stored, and nothing is refused by it: see `rates.compliance` for the rules and sources.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import Q

from estates.models import Estate
from quantify.money import ZERO
from quantify.periods import first_of_month, local_day, next_month
from quantify.quantities import Utility
from quantify.snapshots import snapshot
from rates import compliance
from rates.compliance import Compared, Compliance
from rates.models import Assignment, RateTable, ReferenceTable
from rates.pricing import PriceBook, Terms
from reports.simulations import NO_PRICE, MonthNotBegun, NotPriced
from wallets.billing import parts
from wallets.billing.determinants import Usages
from wallets.billing.metered import Supply
from wallets.billing.parts import Part
from wallets.billing.rating import rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One utility of an estate's month; without a reference nothing was compared."""

    utility: Utility
    reference: RateTable | None
    found: Compliance
    not_priced: Sequence[NotPriced]
    not_billed: int
    marked_up: Sequence[Assignment]

    @property
    def warnings(self) -> list[str]:
        if self.utility is not Utility.ELECTRICITY or not (self.marked_up or self.found.markup):
            return []
        percents = sorted({one.markup_percentage for one in self.marked_up})
        assigned = ", ".join(f"{percent.normalize():f} %" for percent in percents)
        was = f" {assigned} is assigned." if assigned else ""
        billed = (
            f" Bills of the month have R{self.found.markup} of it." if self.found.markup else ""
        )
        return [f"{compliance.MARKUP_WARNING}{was}{billed}"]

    @property
    def is_in_order(self) -> bool:
        """Whether everything was compared, nothing exceeds, and nothing is warned of."""
        compared = self.reference is not None and not self.not_priced
        return compared and not self.found.over and not self.warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class ResaleCheck:
    """The utilities that an estate sold in a month."""

    estate: Estate
    month: date
    is_running: bool
    utilities: Sequence[Checked]


def check(
    *, estate: Estate, month: date, utility: Utility | None = None, now: datetime
) -> ResaleCheck:
    """
    Compare the bills of a month (any day of it) with the licensed prices on the same use.

    Of one utility, or of all that units had a meter of. What is read is read from one snapshot.

    VAT is that of the bill on both sides: prices are compared, not registrations.

    :raises reports.simulations.MonthNotBegun: if the month is still to come.
    """
    month = first_of_month(month)
    this_month = first_of_month(local_day(now, estate.zone))
    if month > this_month:
        raise MonthNotBegun(f"{month:%B %Y} has not begun: choose {this_month:%B %Y} or earlier.")
    with snapshot():
        named = ReferenceTable.objects.filter(estate=estate).select_related("rate_table")
        references = {one.utility: one.rate_table for one in named}
        book = PriceBook(estates=[estate.pk], first_day=month)
        utilities = []
        for one in [utility] if utility else Utility:
            if found := parts.of_estate(estate, one, month, now=now):
                reference = references.get(one.value)
                utilities.append(_checked(estate, one, month, now, found, reference, book))
    return ResaleCheck(
        estate=estate, month=month, is_running=month == this_month, utilities=utilities
    )


def _checked(
    estate: Estate,
    utility: Utility,
    month: date,
    now: datetime,
    found: Sequence[Part],
    reference: RateTable | None,
    book: PriceBook,
) -> Checked:
    billed = [part for part in found if part.bill is not None]
    not_priced: list[NotPriced] = []
    compared: list[Compared] = []
    if reference is not None:
        units = list(_with_terms(billed, reference, book, not_priced))
        usage = Usages(
            [one for unit in units for one in _supplies(unit)],
            now=parts.end_of(month, estate, now),
        )
        compared = list(_compared(units, usage, not_priced))
    return Checked(
        utility=utility,
        reference=reference,
        found=compliance.compliance(compared),
        not_priced=not_priced,
        not_billed=len(found) - len(billed),
        marked_up=_marked_up(estate, utility, month),
    )


type _Unit = list[tuple[Part, list[Terms]]]


def _with_terms(
    billed: Sequence[Part], reference: RateTable, book: PriceBook, not_priced: list[NotPriced]
) -> Iterator[_Unit]:
    """The parts of each unit with the licensed prices of their days."""
    for _, own in groupby(billed, key=lambda part: part.supply.place.unit_id):
        of_unit = list(own)
        try:
            yield [(part, _licensed(part, reference, book)) for part in of_unit]
        except NO_PRICE as error:
            not_priced.append(_refused(of_unit[0], error))


def _licensed(part: Part, reference: RateTable, book: PriceBook) -> list[Terms]:
    supply = part.supply
    return book.terms_by(reference, supply.place, supply.first_day, supply.end_day)


def _supplies(unit: _Unit) -> Iterator[tuple[Supply, list[Terms]]]:
    for part, terms in unit:
        yield part.supply, terms


def _compared(
    units: Sequence[_Unit], usage: Usages, not_priced: list[NotPriced]
) -> Iterator[Compared]:
    for unit in units:
        first = unit[0][0]
        try:
            allowed = [rate(part.supply, terms, usage).total for part, terms in unit]
        except NO_PRICE as error:
            not_priced.append(_refused(first, error))
            continue
        bills = [part.bill for part, _ in unit if part.bill]
        yield Compared(
            unit_id=first.supply.place.unit_id,
            unit_number=first.unit_number,
            consumption=sum(usage.total(part.supply) for part, _ in unit),
            charged=sum((one.charged for one in bills), ZERO),
            allowed=sum(allowed, ZERO),
            markup=sum((one.markup for one in bills), ZERO),
            is_up_to_date=all(part.is_billed for part, _ in unit),
        )


def _refused(part: Part, error: Exception) -> NotPriced:
    return NotPriced(part.supply.place.unit_id, part.unit_number, str(error))


def _marked_up(estate: Estate, utility: Utility, month: date) -> list[Assignment]:
    """What was assigned with a markup, at some time of the month, to the estate or its units."""
    meant = Q(estate=estate) | Q(estate=None)
    rows = Assignment.objects.filter(
        meant,
        Q(effective_to=None) | Q(effective_to__gt=month),
        utility=utility.value,
        effective_from__lt=next_month(month),
        markup_percentage__gt=0,
    )
    return list(rows.select_related("rate_table", "unit").order_by("effective_from", "pk"))
