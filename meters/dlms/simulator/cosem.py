"""What every simulated COSEM object has."""

from collections.abc import Callable, Mapping

from meters.dlms import axdr, obis
from meters.dlms.axdr import Value
from meters.dlms.errors import AccessDenied, DataAccessResult
from meters.dlms.selection import Selection

type Reader = Callable[[], bytes]


class CosemObject:
    """
    One object: a class, a logical name, and attributes that are computed when read.

    Attribute 1, the logical name, is always there.
    """

    def __init__(self, class_id: int, name: str, attributes: Mapping[int, Reader]) -> None:
        self.class_id = class_id
        self.name = name
        self._attributes = {1: lambda: axdr.octets(obis.to_bytes(name)), **attributes}

    def read(self, number: int, selection: Selection | None) -> bytes:
        """:raises AccessDenied: if there is no such attribute, or nothing to select in it."""
        if number not in self._attributes:
            raise AccessDenied(DataAccessResult.READ_WRITE_DENIED)
        if selection is not None:
            raise AccessDenied(DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return self._attributes[number]()

    def write(self, number: int, value: Value) -> None:
        raise AccessDenied(DataAccessResult.READ_WRITE_DENIED)

    def act(self, number: int, value: Value) -> None:
        raise AccessDenied(DataAccessResult.READ_WRITE_DENIED)
