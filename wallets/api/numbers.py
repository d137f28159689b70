"""Transactions by their number as people write it: T000029550, its beginning, or 29550."""

import re

from django.db.models import Q

from quantify.searching import SearchText
from wallets.models import Transaction
from wallets.models.ledger import REFERRED_TO_BY_PEOPLE

PLACES = 9
# Fewer digits are rather the number of a home.
_NUMBER = re.compile(r"([Tt]?)([0-9]{5,18})")


def numbers(word: str) -> range | None:
    """
    The numbers that begin as a word does, or the one that it is without its T and zeros.

    None if it reads like something else.
    """
    written = _NUMBER.fullmatch(word)
    if written is None:
        return None
    missing = max(PLACES - len(written[2]), 0) if written[1] else 0
    first = int(written[2]) * 10**missing
    return range(first, first + 10**missing)


def told_by(named: range, word: str) -> Q:
    """
    Transactions of some numbers, what reversed them, and those for which people wrote the word.

    Each is looked for in an index of its own, which alternatives in one condition would not be.
    """
    every = Transaction.objects.order_by()
    numbered = every.filter(number__gte=named.start, number__lt=named.stop)
    referred = every.alias(own=SearchText("reference")).filter(
        kind__in=REFERRED_TO_BY_PEOPLE, own__contains=word.lower()
    )
    at_home = every.filter(wallet__unit__unit_number__icontains=word)
    reversals = every.filter(reverses__in=numbered.values("pk"))
    ways = [rows.values("pk") for rows in (reversals, referred, at_home)]
    return Q(pk__in=numbered.values("pk").union(*ways))
