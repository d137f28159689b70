"""What changed in the prices from one version of a rate table to the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantify.money import CENT, HUNDRED
from rates.charges import Block, Component, Minimum, Surcharge, TimeOfUse
from rates.pictures import words


@dataclass(frozen=True, slots=True)
class Change:
    """A price before and after; None where there was or is none."""

    what: str
    before: Decimal | None
    after: Decimal | None

    @property
    def percent(self) -> Decimal | None:
        if not self.before or self.after is None:
            return None
        return ((self.after - self.before) * HUNDRED / self.before).quantize(CENT)


def between(before: Sequence[Component], after: Sequence[Component]) -> list[Change]:
    """The prices that are not the same, in the order of the later version, then what is gone."""
    old, new = dict(_named(before)), dict(_named(after))
    moved = [
        Change(what, old.get(what), price) for what, price in new.items() if old.get(what) != price
    ]
    return moved + [Change(what, price, None) for what, price in old.items() if what not in new]


def _named(components: Sequence[Component]) -> Iterator[tuple[str, Decimal]]:
    seen: dict[str, int] = {}
    for one in components:
        season = f", {words(one.season)}" if one.season else ""
        for part, price in _prices(one):
            what = f"{one.name or words(one.kind)}{part}{season}"
            seen[what] = seen.get(what, 0) + 1
            yield (what if seen[what] == 1 else f"{what} ({seen[what]})"), price


def _prices(one: Component) -> Iterator[tuple[str, Decimal]]:
    match one:
        case Block(blocks=blocks):
            for upto, price in blocks:
                yield (" above" if upto is None else f" up to {upto.normalize():f}"), price
        case TimeOfUse(prices=prices):
            for band, price in prices:
                yield f" {words(band)}", price
        case Surcharge(percent=percent):
            yield " in percent", percent
        case Minimum(amount=amount):
            yield "", amount
        case _:
            yield "", one.price
