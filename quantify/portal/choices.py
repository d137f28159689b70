"""What autocompletes offer: objects under the names of their own pages."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView

from quantify.portal.base import PortalAdmin


class Autocomplete(AutocompleteJsonView):
    """Unit `A-101 (WC001)` rather than `A-101`, of which each estate has one."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        page = self.model_admin
        name = page.title_of(obj) if isinstance(page, PortalAdmin) else str(obj)
        return {"id": str(getattr(obj, to_field_name)), "text": name}
