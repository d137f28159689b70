from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter

from estates.models import Estate
from quantify.api.filters import RelatedFilter
from units.models import Unit


class UnitFilters(FilterSet):
    estate = RelatedFilter(Estate)
    status = ChoiceFilter(choices=Unit.Status.choices)
    building = CharFilter(lookup_expr="iexact")
    floor = NumberFilter()


class ResidentFilters(FilterSet):
    estate = RelatedFilter(Estate)
