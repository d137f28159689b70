"""
One search for API and portal: what a person may see, by what they type, the best first.

Every word must be found in the object itself or in its estate, one of them in the object. Each kind
of object is one statement, whose candidates come from indexes (`quantify.searching`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import and_, or_
from typing import Any
from uuid import UUID

from django.db.models import Case, Model, Q, QuerySet, Value, When
from django.db.models.functions import Length

from accounts.models import User
from estates.models import Estate
from meters.models import Concentrator, Meter
from quantify.searching import SearchText, SearchWords, matches, parts_of, score, whole
from units.models import Resident, Unit
from wallets.models import Transaction, Wallet
from wallets.models.ledger import REFERRED_TO_BY_PEOPLE

SHORTEST = 2
"""Letters and digits in what is typed; less would find everything."""
LONGEST = 100
MOST_WORDS = 6
LOOKED_AT = 5000
"""So many candidates of a kind are looked at: a word that is in every row tells none of them."""
SCORED = 500
"""So many of those are ranked."""


class Kind(StrEnum):
    ESTATE = "estate"
    UNIT = "unit"
    RESIDENT = "resident"
    METER = "meter"
    TRANSACTION = "transaction"
    WALLET = "wallet"
    CONCENTRATOR = "concentrator"


PUBLIC = (Kind.ESTATE, Kind.UNIT, Kind.RESIDENT, Kind.METER, Kind.TRANSACTION)


class TooShort(Exception):
    """What was typed has fewer than two letters or digits."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One object that was found; `score` is from 0 to 1, `where` names its estate and more."""

    kind: Kind
    id: UUID
    title: str
    where: str
    score: float

    @property
    def link(self) -> str:
        """Where the API has it."""
        return f"/api/v1/{self.kind}s/{self.id}"


@dataclass(frozen=True, slots=True)
class _Sought:
    """How a kind of object is found: its columns, its estate, and how a hit names it."""

    model: type[Model]
    permission: str
    columns: Sequence[str]
    estate: str
    title: Callable[[Any], str]
    related: Sequence[str] = ()
    where: Callable[[Any], str] = lambda row: str(row.estate)
    number: Callable[[str], Q | None] = lambda _: None
    only: Q = Q()  # noqa: RUF009  (never changed)


def _number(word: str) -> Q | None:
    """A transaction by its number as it is shown: T000000123."""
    digits = word.lower().removeprefix("t")
    return Q(number=int(digits)) if digits.isascii() and digits.isdigit() else None


_SOUGHT: dict[Kind, _Sought] = {
    Kind.ESTATE: _Sought(
        Estate, "estates.view_estate", ("code", "name", "city"), "",
        title=str, where=lambda estate: estate.city,
    ),
    Kind.UNIT: _Sought(
        Unit, "units.view_unit", ("unit_number", "building"), "estate",
        title=str, related=("estate",),
    ),
    Kind.RESIDENT: _Sought(
        Resident, "units.view_resident",
        ("first_name", "last_name", "email", "phone"), "estate", title=str, related=("estate",),
    ),
    Kind.METER: _Sought(
        Meter, "meters.view_meter", ("serial",), "estate",
        title=str, related=("estate",),
        where=lambda meter: f"{meter.get_kind_display()}, {meter.estate}",
    ),
    Kind.TRANSACTION: _Sought(
        Transaction, "wallets.view_transaction",
        ("reference",), "estate", number=_number,
        title=lambda row: f"{row} {row.get_kind_display()} R{row.amount}",
        related=("estate", "wallet__unit"),
        where=lambda row: f"{row.wallet.unit}, {row.estate}",
    ),
    Kind.WALLET: _Sought(
        Wallet, "wallets.view_wallet",
        ("unit__unit_number", "unit__building"), "unit__estate",
        title=lambda wallet: str(wallet.unit), related=("unit__estate",),
        where=lambda wallet: str(wallet.unit.estate), only=Q(unit__deleted_at=None),
    ),
    Kind.CONCENTRATOR: _Sought(
        Concentrator, "meters.view_concentrator", ("serial", "name"),
        "estate", title=str, related=("estate",),
    ),
}  # fmt: skip


def find(*, user: User, text: str, limit: int, kinds: Sequence[Kind] = PUBLIC) -> list[Hit]:
    """
    The best hits among what a person may see, at most `limit` of all kinds together.

    Kinds the person's role may not view are left out.

    :raises TooShort: if there are fewer than two letters or digits to look for.
    """
    words = [word for word in text.split() if parts_of(word)][:MOST_WORDS]
    if sum(len(part) for word in words for part in parts_of(word)) < SHORTEST:
        raise TooShort(f"Give at least {SHORTEST} letters or digits.")
    allowed = [kind for kind in kinds if user.has_perm(_SOUGHT[kind].permission)]
    hits = [hit for kind in allowed for hit in _of(kind, user, words, limit)]
    return sorted(hits, key=lambda hit: (-hit.score, hit.title, hit.id))[:limit]


def _of(kind: Kind, user: User, words: Sequence[str], limit: int) -> list[Hit]:
    sought = _SOUGHT[kind]
    visible: Any = sought.model.objects.visible_to(user)  # type: ignore[attr-defined]
    visible = visible.alive() if hasattr(visible, "alive") else visible
    rows = _candidates(kind, visible.filter(sought.only), words)
    if sought.estate:
        rows = rows.filter(**{f"{sought.estate}__deleted_at": None})
    best = _scored(kind, rows, words).order_by("-score", "pk")[:limit]
    return [
        Hit(kind, row.pk, sought.title(row), sought.where(row), round(row.score, 3)) for row in best
    ]


def _candidates(kind: Kind, rows: Any, words: Sequence[str]) -> QuerySet:
    sought = _SOUGHT[kind]
    text = SearchText(*sought.columns)
    rows = rows.alias(own=text, own_words=SearchWords(text))
    own = [_own(kind, word) for word in words]
    rows = rows.filter(reduce(or_, own))
    if len(words) > 1:
        estates = [_in_estate(sought.estate, word) for word in words]
        rows = rows.filter(reduce(and_, map(or_, own, estates)))
    found: QuerySet = rows
    return found


def _scored(kind: Kind, rows: QuerySet, words: Sequence[str]) -> QuerySet:
    """
    The candidates with their scores; of very many those with the shortest titles.

    What is typed in full is the shortest of all that begin so, and scoring costs most.
    """
    sought = _SOUGHT[kind]
    looked_at = sought.model.objects.filter(pk__in=_looked_at(rows, words))  # type: ignore[attr-defined]
    shortest = looked_at.order_by(Length(sought.columns[0]), "pk").values("pk")[:SCORED]
    fits = score(" ".join(words), "own", "own_words", sought.columns[0])
    named = sought.number(words[0]) if len(words) == 1 else None
    if named is not None:
        fits = Case(When(named, then=Value(1.0)), default=fits)
    text = SearchText(*sought.columns)
    few: Any = sought.model.objects.filter(pk__in=shortest)  # type: ignore[attr-defined]
    few = few.alias(own=text, own_words=SearchWords(text)).annotate(score=fits)
    scored: QuerySet = few.select_related(*sought.related) if sought.related else few
    return scored


def _looked_at(rows: QuerySet, words: Sequence[str]) -> QuerySet:
    """Not more candidates than can be looked at; those that have every word in full among them."""
    in_full = reduce(and_, (Q(own_words=whole(word)) for word in words))
    return rows.filter(in_full).values("pk")[:LOOKED_AT].union(rows.values("pk")[:LOOKED_AT])


def _own(kind: Kind, word: str) -> Q:
    found = matches(word, "own", "own_words")
    if kind == Kind.TRANSACTION:
        found &= Q(kind__in=REFERRED_TO_BY_PEOPLE)
    number = _SOUGHT[kind].number(word)
    return found if number is None else found | number


def _in_estate(path: str, word: str) -> Q:
    """That a word is one of the estate's; an estate has no other."""
    if not path:
        return Q(pk__in=[])
    text = SearchText("code", "name")
    estates = Estate.objects.alias(own=text, own_words=SearchWords(text))
    return Q(**{f"{path}__in": estates.filter(matches(word, "own", "own_words"))})
