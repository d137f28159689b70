from django.db.models import F, QuerySet
from django_filters import ChoiceFilter, FilterSet

from estates.models import Estate
from quantify.api.filters import AmountFilter, BooleanFilter, RelatedFilter, within
from rates.models import UTILITIES
from units.models import Unit
from wallets.models import AdjustmentProposal, BillDifference, SuspenseReceipt, Transaction, Wallet


class WalletFilters(FilterSet):
    estate = RelatedFilter(Estate, field_name="unit__estate")
    unit = RelatedFilter(Unit)
    is_suspended = BooleanFilter()
    low_balance = BooleanFilter(method="filter_low_balance")

    def filter_low_balance(self, wallets: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        """Wallets below their limit, or not; the view annotates the limit."""
        low = {"balance__lt": F("limit")}
        return wallets.filter(**low) if value else wallets.exclude(**low)


@within("occurred_at")
class TransactionFilters(FilterSet):
    wallet = RelatedFilter(Wallet)
    unit = RelatedFilter(Unit, field_name="wallet__unit")
    estate = RelatedFilter(Estate)
    kind = ChoiceFilter(choices=Transaction.Kind.choices)
    payment_method = ChoiceFilter(choices=Transaction.Method.choices)
    min_amount = AmountFilter(field_name="amount", lookup_expr="gte")
    max_amount = AmountFilter(field_name="amount", lookup_expr="lte")
    reversed = BooleanFilter(field_name="reversed_by", lookup_expr="isnull", exclude=True)


class AdjustmentFilters(FilterSet):
    wallet = RelatedFilter(Wallet)
    estate = RelatedFilter(Estate)
    state = ChoiceFilter(choices=AdjustmentProposal.State.choices)


@within("received_at")
class SuspenseFilters(FilterSet):
    estate = RelatedFilter(Estate)
    payment_method = ChoiceFilter(choices=SuspenseReceipt.Method.choices)
    open = BooleanFilter(method="filter_open")

    def filter_open(self, receipts: QuerySet, _: str, value: bool) -> QuerySet:  # noqa: FBT001
        """Receipts of which something is left, or nothing; the view annotates what."""
        return receipts.filter(left__gt=0) if value else receipts.filter(left=0)


class SettlementFilters(FilterSet):
    estate = RelatedFilter(Estate)
    unit = RelatedFilter(Unit, field_name="wallet__unit")
    wallet = RelatedFilter(Wallet)


class ClosingFilters(FilterSet):
    estate = RelatedFilter(Estate)


class DifferenceFilters(FilterSet):
    estate = RelatedFilter(Estate)
    unit = RelatedFilter(Unit, field_name="wallet__unit")
    wallet = RelatedFilter(Wallet)
    utility = ChoiceFilter(choices=UTILITIES)
    state = ChoiceFilter(choices=BillDifference.State.choices)
    cause = ChoiceFilter(choices=BillDifference.Cause.choices)
