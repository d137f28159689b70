from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django_filters import ChoiceFilter, FilterSet

from estates.models import Estate
from meters.models import (
    Command,
    Concentrator,
    Installation,
    Meter,
    MeterAlert,
    MeterEvent,
    Reading,
    Register,
)
from meters.models.devices import CommunicationStatus
from quantify.api.filters import BooleanFilter, RelatedFilter, within
from units.models import Unit

CHANNELS = [(channel.name.lower(), channel.label) for channel in Register.Channel]
QUALITIES = [("actual", "Actual"), ("estimated", "Estimated"), ("invalid", "Invalid")]


class ConcentratorFilters(FilterSet):
    estate = RelatedFilter(Estate)
    communication_status = ChoiceFilter(choices=CommunicationStatus.choices)
    is_enabled = BooleanFilter()


class MeterFilters(FilterSet):
    estate = RelatedFilter(Estate)
    unit = RelatedFilter(Unit, field_name="current_unit")
    kind = ChoiceFilter(choices=Meter.Kind.choices)
    communication_status = ChoiceFilter(choices=CommunicationStatus.choices)
    communication_type = ChoiceFilter(choices=Meter.CommunicationType.choices)
    relay_state = ChoiceFilter(choices=Meter.RelayState.choices)
    concentrator = RelatedFilter(Concentrator)


class AlertFilters(FilterSet):
    estate = RelatedFilter(Estate)
    unit = RelatedFilter(Unit, method="filter_unit")
    meter = RelatedFilter(Meter)
    concentrator = RelatedFilter(Concentrator)
    kind = ChoiceFilter(choices=MeterAlert.Kind.choices)
    severity = ChoiceFilter(choices=MeterAlert.Severity.choices)
    state = ChoiceFilter(choices=MeterAlert.State.choices)
    source = ChoiceFilter(choices=MeterAlert.Source.choices)

    def filter_unit(self, alerts: QuerySet, _: str, unit: UUID | None) -> QuerySet:
        """Alerts about the meters that hang at a unit now."""
        if unit is None:
            return alerts
        if not Unit.objects.visible_to(self.request.user).filter(pk=unit).exists():
            raise Http404
        hanging = Installation.objects.filter(unit=unit, ends_at=None)
        return alerts.filter(meter__in=hanging.values("meter"))


class CommandFilters(FilterSet):
    action = ChoiceFilter(choices=Command.Action.choices)
    state = ChoiceFilter(choices=Command.State.choices)
    cause = ChoiceFilter(choices=Command.Cause.choices)


@within("occurred_at")
class EventFilters(FilterSet):
    log = ChoiceFilter(choices=MeterEvent.LOGS)


@within("taken_at")
class ReadingFilters(FilterSet):
    source = ChoiceFilter(choices=Reading.Source.choices)
    quality = ChoiceFilter(choices=QUALITIES, method="filter_quality")
    register = ChoiceFilter(choices=CHANNELS, method="filter_register")

    def filter_quality(self, readings: QuerySet, _: str, value: str) -> QuerySet:
        if value == "invalid":
            return readings.filter(is_valid=False)
        estimated = Q(source=Reading.Source.ESTIMATED)
        return readings.filter(estimated if value == "estimated" else ~estimated, is_valid=True)

    def filter_register(self, readings: QuerySet, _: str, value: str) -> QuerySet:
        return readings.filter(channel=Register.Channel[value.upper()])
