"""What an object shows of others, to those alone who may look at these by themselves."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from rest_framework import serializers


class Withholding(serializers.Serializer):
    """
    Shows null in place of fields that need a permission which the caller lacks.

    `withheld_without` names the permission of each such field, which allows null in the document.
    """

    withheld_without: ClassVar[Mapping[str, str]] = {}

    def to_representation(self, instance: Any) -> Any:
        shown = super().to_representation(instance)
        return {**shown, **dict.fromkeys(self._withheld)} if self._withheld else shown

    @cached_property
    def _withheld(self) -> list[str]:
        request = self.context.get("request")
        if request is None:
            return []
        may = request.user.has_perm
        return [name for name, needed in self.withheld_without.items() if not may(needed)]
