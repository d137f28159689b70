"""Where pages of the portal lead: never to what the person may not open, nor to a refusal."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.http import HttpRequest

from quantify.portal import columns


class LinkingMixin:
    """Allows what other pages lead here with; names without a link what is shut to the person."""

    admin_site: Any
    model: type[models.Model]
    opts: Any

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        leading_here = (lookup, self.opts.label_lower)
        is_linked = any(
            (related.parameter, related.model) == leading_here
            for page in self.admin_site._registry.values()
            for related in getattr(page, "related", ())
        )
        return is_linked or bool(super().lookup_allowed(lookup, value, request))  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        named = self._named_alone(request, obj)
        return [
            (title, {**options, "fields": _replaced(options["fields"], named)})
            for title, options in super().get_fieldsets(request, obj)  # type: ignore[misc]
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        return _replaced(shown, self._named_alone(request, obj))

    def _named_alone(self, request: HttpRequest, obj: Any) -> Mapping[str, columns.Column]:
        """Fields that are shown of an object, and whose pages the person may not open."""
        if obj is None:
            return {}
        shown: Any = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        is_changed = self.has_change_permission(request, obj)  # type: ignore[attr-defined]
        return {
            field.name: columns.text(field.name, str(field.verbose_name))
            for field in self.model._meta.fields
            if (not is_changed or field.name in shown) and self._is_shut(request, field)
        }

    def _is_shut(self, request: HttpRequest, field: models.Field) -> bool:
        related = self.admin_site._registry.get(field.related_model)
        return related is not None and not related.has_view_permission(request)


def _replaced(fields: Iterable[Any], by: Mapping[str, columns.Column]) -> list[Any]:
    """Fields as they are written, in lines or alone, some of them by what shows them otherwise."""
    return [
        _replaced(one, by) if isinstance(one, list | tuple) else by.get(one, one) for one in fields
    ]
