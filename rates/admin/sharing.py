"""Rows that belong to one estate, or to all of them."""

from typing import Any

from django.http import HttpRequest

from accounts.people import signed_in

UTILITY = {"electricity": "warning", "water": "info", "solar": "success"}
SHARED = "All estates"


class SharedRowsMixin:
    """What belongs to all estates is changed by those who see all of them."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_ours(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_ours(request, obj)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        if field and db_field.name == "estate" and not signed_in(request).sees_every_estate:
            field.required = True
        return field

    def _is_ours(self, request: HttpRequest, obj: Any) -> bool:
        if obj is None or signed_in(request).sees_every_estate:
            return True
        return self.estate_id_of(obj) is not None

    def estate_id_of(self, obj: Any) -> Any:
        return obj.estate_id
