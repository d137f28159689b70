"""The wallet of a unit, for tests."""

from typing import Any

from factory.declarations import SubFactory
from factory.django import DjangoModelFactory

from units.tests.factories import UnitFactory
from wallets.models import Wallet


class WalletFactory(DjangoModelFactory[Wallet]):
    """
    The wallet the database opened with the unit, with its settings as given.

    Money comes into it as everywhere: through `wallets.topups` and `wallets.ledger`.
    """

    class Meta:
        model = Wallet

    unit = SubFactory(UnitFactory)

    @classmethod
    def _create(cls, model_class: type[Wallet], *_: Any, **fields: Any) -> Wallet:
        opened = model_class.objects.filter(unit=fields.pop("unit"))
        if fields:
            opened.update(**fields)
        return opened.select_related("unit__estate").get()
