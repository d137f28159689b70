"""The shapes of tables in the document: serializers made from the descriptions of columns."""

from collections.abc import Iterable, Sequence
from typing import Any

from rest_framework import serializers

from quantify.api.serializers import Instant, Money, Quantity
from quantify.tables.description import Column, Kind


class Number(serializers.DecimalField):
    """A share, days or a rate, as it is."""

    has_all_places = False

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=18, decimal_places=3, **options)


FIELDS: dict[Kind, type[serializers.Field]] = {
    Kind.TEXT: serializers.CharField,
    Kind.COUNT: serializers.IntegerField,
    Kind.MONEY: Money,
    Kind.QUANTITY: Quantity,
    Kind.DATE: serializers.DateField,
    Kind.INSTANT: Instant,
    Kind.FLAG: serializers.BooleanField,
    Kind.NUMBER: Number,
}


def row_of(
    name: str, tables: Iterable[Sequence[Column]], *, is_total: bool = False
) -> type[serializers.Serializer]:
    """
    The serializer of a row that has the columns of one of some tables.

    A column that not all of them have may be missing; any of a total may be null.
    """
    tables = list(tables)
    columns = {column.name: column for table in tables for column in table}
    in_all = set.intersection(*({column.name for column in table} for table in tables))
    optional = {column.name for table in tables for column in table if column.optional}
    fields = {
        one.name: FIELDS[one.kind](
            required=one.name in in_all, allow_null=is_total or one.name in optional
        )
        for one in columns.values()
    }
    made: type[serializers.Serializer] = type(
        f"{name}Serializer", (serializers.Serializer,), fields
    )
    return made
