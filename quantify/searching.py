"""
Finding things by what people type: expressions over text columns, and the indexes they need.

A word is found at the beginning of a word (full text, also for two characters), anywhere in the
text (three and more) or nearly (trigrams, four and more: typing errors). The same expressions
stand in queries and indexes, so that the database recognises them. Their functions are made by
`estates/migrations/0009`.
"""

import re
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import (
    SearchQuery,
    SearchVectorField,
    TrigramSimilarity,
    TrigramWordSimilarity,
)
from django.db import models
from django.db.models import Case, Func, Index, Q, Value, When
from django.db.models.expressions import Combinable

LONG_ENOUGH_INSIDE = 3
LONG_ENOUGH_NEARLY = 4
_SIGNS = re.compile(r"[\W_]+")


class SearchText(Func):
    """Columns as one text in small letters."""

    function = "search_text"
    output_field = models.TextField()


class SearchWords(Func):
    """The words of a text."""

    function = "search_words"
    output_field = SearchVectorField()


def indexes(name: str, *fields: str, condition: Q | None = None) -> list[Index]:
    """The two indexes under which a model is found by some of its columns."""
    text = SearchText(*fields)
    return [
        GinIndex(OpClass(text, "gin_trgm_ops"), name=f"{name}_search_text", condition=condition),
        GinIndex(SearchWords(text), name=f"{name}_search_words", condition=condition),
    ]


def parts_of(word: str) -> list[str]:
    """The letters and digits of a word between its signs: `A-101` is `a` and `101`."""
    return [part for part in _SIGNS.split(word.lower()) if part]


def matches(word: str, text: str, words: str) -> Q:
    """Rows whose annotation `text` holds a word, or whose `words` begin with it."""
    begins = " <-> ".join(parts_of(word)) + ":*"
    found = Q(**{words: SearchQuery(begins, config="simple", search_type="raw")})
    if len(word) >= LONG_ENOUGH_INSIDE:
        found |= Q(**{f"{text}__contains": word.lower()})
    if len(word) >= LONG_ENOUGH_NEARLY:
        found |= Q(**{f"{text}__trigram_word_similar": word.lower()})
    return found


def whole(word: str) -> SearchQuery:
    """A word as it is typed, not one that begins so."""
    return SearchQuery(" <-> ".join(parts_of(word)), config="simple", search_type="raw")


def score(typed: str, text: str, words: str, title: str) -> Combinable:
    """
    How well a row fits, from 0 to 1.

    Two fifths for words that begin as typed; the rest for being alike, to the title twice.
    """
    begins = " & ".join(f"{part}:*" for part in parts_of(typed))
    query = SearchQuery(begins, config="simple", search_type="raw")
    whole: Any = Case(When(**{words: query}, then=Value(0.4)), default=Value(0.0))
    alike = Value(0.3) * TrigramWordSimilarity(typed.lower(), text)
    fits: Combinable = whole + alike + Value(0.3) * TrigramSimilarity(title, typed)
    return fits
