"""Templates of messages for estates that exist: messages themselves stand below estates."""

from uuid import UUID

from estates.models import Estate
from notifications.api.views import TemplateViewSet


class EstateTemplateViewSet(TemplateViewSet):
    """
    The words of messages, by event and language.

    Those of every estate are edited by super admins; an estate's own go before them.
    """

    def is_workplace(self, estate: UUID) -> bool:
        return Estate.objects.visible_to(self.request.user).alive().filter(pk=estate).exists()
