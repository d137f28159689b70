from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet, UUIDFilter

from accounts.scoping import works_for
from notifications.models import Delivery, Notification, Template
from quantify.api.filters import BooleanFilter, within


class ScopeFilter(UUIDFilter):
    """By the estate, which stands by value; one the caller does not work for is not found."""

    schema = {"type": "string", "format": "uuid"}
    can_miss = True

    def filter(self, qs: QuerySet, value: UUID | None) -> QuerySet:
        if value is not None and not works_for(self.parent.request.user, value):
            raise Http404
        rows: QuerySet = super().filter(qs, value)
        return rows


@within("created_at")
class NotificationFilters(FilterSet):
    estate = ScopeFilter(field_name="scope")
    event = ChoiceFilter(choices=Notification.Event.choices)
    read = BooleanFilter(method="filter_read")

    def filter_read(self, rows: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        """What the caller has read, or not; the view annotates when."""
        return rows.filter(read_at__isnull=not value)


@within("created_at")
class DeliveryFilters(FilterSet):
    estate = ScopeFilter(field_name="notification__scope")
    event = ChoiceFilter(field_name="notification__event", choices=Notification.Event.choices)
    channel = ChoiceFilter(choices=Delivery.Channel.choices)
    state = ChoiceFilter(choices=Delivery.State.choices)


class TemplateFilters(FilterSet):
    estate = ScopeFilter(field_name="scope")
    event = ChoiceFilter(choices=Notification.Event.choices)
    language = ChoiceFilter(choices=Template.Language.choices)
