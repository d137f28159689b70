"""The sums of an estate's accounts, kept for the days that are over."""

from django.db import models

from accounts.scoping import EstateScopedQuerySet
from estates.models import Estate
from quantify.records import Record
from wallets.models.money import Account, money


class AccountBook(Record):
    """
    Up to which local day an estate's accounts are summed.

    Days are local to `time_zone`; an estate that moved to another has its days summed again.
    """

    estate = models.OneToOneField(Estate, on_delete=models.PROTECT, related_name="account_book")
    closed_to = models.DateField(help_text="Up to but without this local day.")
    time_zone = models.CharField(max_length=50)

    objects = EstateScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "estate's accounts"
        verbose_name_plural = "estates' accounts"

    def __str__(self) -> str:
        return f"Summed up to {self.closed_to}"


class AccountDay(models.Model):
    """What was debited and credited to an account of an estate on a local day that is over."""

    pk = models.CompositePrimaryKey("estate", "day", "account")
    estate = models.ForeignKey(
        Estate, on_delete=models.PROTECT, related_name="account_days", db_index=False
    )
    day = models.DateField(help_text="The local day on which it was recorded.")
    account = models.PositiveSmallIntegerField(choices=Account)
    debit = money()
    credit = money()

    objects = EstateScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.get_account_display()} on {self.day}"
