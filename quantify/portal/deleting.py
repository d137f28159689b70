"""Deleting that the operation behind it may refuse: nothing is lost, and the person is told why."""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ActionLocation
from django.db import models, transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from quantify.portal.pages import object_url


class DeletingMixin:
    """What is deleted on a page of its own or among others, or stays with a reason."""

    undeletable: ClassVar[tuple[type[Exception], ...]] = ()
    """Errors of the operation behind deleting; their words are shown."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = super().delete_view(  # type: ignore[misc]
                request, object_id, extra_context
            )
        except self.undeletable as error:
            messages.error(request, str(error))
            kept = self.object_or_404(request, object_id)  # type: ignore[attr-defined]
            return HttpResponseRedirect(object_url(kept))
        return answer

    def response_action(
        self,
        request: HttpRequest,
        queryset: models.QuerySet,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> HttpResponseBase | None:
        asked = (request, queryset, action_location)
        if not self.undeletable:
            return super().response_action(*asked)  # type: ignore[misc, no-any-return]
        try:
            # One that must stay keeps the others, and what was written of them, too.
            with transaction.atomic():
                return super().response_action(*asked)  # type: ignore[misc, no-any-return]
        except self.undeletable as error:
            messages.error(request, f"Nothing was deleted. {error}")
            return HttpResponseRedirect(request.get_full_path())
