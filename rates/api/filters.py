from django_filters import CharFilter, ChoiceFilter, FilterSet

from estates.models import Estate
from quantify.api.filters import BooleanFilter, RelatedFilter
from rates.models import UTILITIES


class RateTableFilters(FilterSet):
    estate = RelatedFilter(Estate)
    utility = ChoiceFilter(choices=UTILITIES)
    licensee = CharFilter(lookup_expr="iexact")
    is_reference = BooleanFilter()


class AssignmentFilters(FilterSet):
    utility = ChoiceFilter(choices=UTILITIES)
