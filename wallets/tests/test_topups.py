from decimal import Decimal

import pytest

from wallets import ledger, topups
from wallets.ledger import Entry
from wallets.models import Account, Transaction, Wallet
from wallets.pockets import Flow, Movement, Pockets
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON, top_up
from wallets.topups import Part


def pockets(**amounts: str) -> Pockets:
    empty = dict.fromkeys(("available", "electricity", "water", "solar", "arrears"), Decimal(0))
    return Pockets(**empty | {name: Decimal(amount) for name, amount in amounts.items()})


def owe(wallet: Wallet, *, water: str, arrears: str) -> None:
    """Charge what a wallet without money cannot pay."""
    shares = {Account.WATER: Decimal(water), Account.ARREARS: Decimal(arrears)}
    ledger.post(
        Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind.ADJUSTMENT,
            amount=-sum(shares.values(), Decimal(0)),
            flow=Flow(
                onward=tuple(Movement(one, Account.ADJUSTMENTS, shares[one]) for one in shares)
            ),
            occurred_at=NOON,
        )
    )


class TestSplit:
    @pytest.mark.parametrize(
        ("held", "utility", "percent", "expected"),
        [
            pytest.param({}, "", "100", [(Account.AVAILABLE, "100.00")], id="no debt"),
            pytest.param({}, "water", "100", [(Account.WATER, "100.00")], id="named pocket"),
            pytest.param(
                {"water": "-30.00", "arrears": "20.00"},
                "",
                "100",
                [
                    (Account.WATER, "30.00"),
                    (Account.ARREARS, "20.00"),
                    (Account.AVAILABLE, "50.00"),
                ],
                id="water debt first, then arrears",
            ),
            pytest.param(
                {"arrears": "80.00"},
                "electricity",
                "30",
                [(Account.ARREARS, "30.00"), (Account.ELECTRICITY, "70.00")],
                id="arrears take their share only",
            ),
            pytest.param(
                {"water": "-150.00", "arrears": "10.00"},
                "",
                "100",
                [(Account.WATER, "100.00")],
                id="debt swallows all",
            ),
        ],
    )
    def test_clears_debt_in_its_order(
        self,
        held: dict[str, str],
        utility: str,
        percent: str,
        expected: list[tuple[Account, str]],
    ):
        flow = topups.paying_in(
            Account.CLEARING_CASH,
            Decimal("100.00"),
            utility=utility,
            debt_recovery_percent=Decimal(percent),
        )

        assert flow.movements(pockets(**held)) == [
            Movement(Account.CLEARING_CASH, account, Decimal(amount))
            for account, amount in expected
        ]


@pytest.mark.django_db
class TestTopUp:
    def test_clears_what_is_owed_and_stores_the_split(self):
        wallet = WalletFactory.create()
        owe(wallet, water="30.00", arrears="20.00")

        made = top_up(wallet, "100.00")

        wallet.refresh_from_db()
        assert (wallet.available, wallet.water, wallet.arrears) == (Decimal("50.00"), 0, 0)
        assert made.balance_before == Decimal("-30.00")
        assert made.balance_after == Decimal("50.00")
        assert topups.split_of(made) == [
            Part(Account.WATER, Decimal("30.00")),
            Part(Account.ARREARS, Decimal("20.00")),
            Part(Account.AVAILABLE, Decimal("50.00")),
        ]

    @pytest.mark.parametrize(
        ("amount", "error"), [("9.99", topups.BelowMinimum), ("50000.01", topups.AboveMaximum)]
    )
    def test_outside_the_estates_limits_is_refused(self, amount: str, error: type[Exception]):
        wallet = WalletFactory.create()

        with pytest.raises(error):
            top_up(wallet, amount)

        wallet.refresh_from_db()
        assert (wallet.balance, wallet.sequence) == (0, 0)

    def test_preview_posts_nothing(self):
        wallet = WalletFactory.create()

        parts = topups.preview(wallet=wallet, amount=Decimal("25.00"))

        wallet.refresh_from_db()
        assert parts == [Part(Account.AVAILABLE, Decimal("25.00"))]
        assert wallet.balance == 0
