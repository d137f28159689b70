from django_filters import CharFilter, FilterSet

from quantify.api.filters import BooleanFilter


class EstateFilters(FilterSet):
    is_active = BooleanFilter()
    city = CharFilter(lookup_expr="iexact")
