"""One rule three times: in Python, one statement for one entry, one statement for many."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quantify.ids import uuid7
from wallets import ledger, ledger_calls, topups
from wallets.billing import charges
from wallets.entries import Entry
from wallets.models import Account, Transaction, Wallet
from wallets.office import service_charges
from wallets.pockets import Flow, InsufficientBalance, Movement, Pockets, Tap, pockets_of
from wallets.tests.factories import WalletFactory
from wallets.tests.moments import NOON

WALLETS = 4
POCKETS = ("available", "electricity", "water", "solar", "arrears")

rands = st.decimals(min_value=0, max_value=60, places=2)
amounts = st.decimals(min_value="0.01", max_value=90, places=2)
holdings = st.lists(
    st.builds(
        Pockets,
        available=rands,
        electricity=rands,
        water=st.decimals(min_value=-60, max_value=60, places=2),
        solar=rands,
        arrears=rands,
    ),
    min_size=WALLETS,
    max_size=WALLETS,
)


@st.composite
def flows(draw: st.DrawFn) -> tuple[list[Decimal], list[Flow]]:
    """The flows of a run: one kind of event, other amounts for every wallet."""
    kind = draw(st.sampled_from(["topup", "charge", "credit", "service", "purchase"]))
    utility = draw(st.sampled_from(list(charges.Utility)))
    asked = draw(st.lists(amounts, min_size=WALLETS, max_size=WALLETS))
    vats = [draw(st.decimals(min_value=-1, max_value=amount, places=2)) for amount in asked]
    if kind == "credit":
        asked = [-amount for amount in asked]
    percent = draw(st.sampled_from([Decimal(100), Decimal(30), Decimal(0)]))
    made = {
        "topup": lambda amount, _: topups.paying_in(
            Account.CLEARING_EFT, amount, utility=utility.value, debt_recovery_percent=percent
        ),
        "charge": lambda amount, vat: charges.consumption_flow(utility, amount, vat),
        "credit": lambda amount, vat: charges.consumption_flow(utility, amount, vat),
        "service": lambda amount, vat: service_charges.flow(amount, abs(vat)),
        "purchase": lambda amount, _: Flow(
            amount, (Tap(Account.AVAILABLE),), (Tap(charges.POCKET[utility]),)
        ),
    }[kind]
    return asked, [made(amount, vat) for amount, vat in zip(asked, vats, strict=True)]


def hold(wallet: Wallet, pockets: Pockets) -> None:
    """Give a new wallet its pockets, by an adjustment."""
    names = {
        Account.AVAILABLE: pockets.available,
        Account.ELECTRICITY: pockets.electricity,
        Account.WATER: pockets.water,
        Account.SOLAR: pockets.solar,
        Account.ARREARS: -pockets.arrears,
    }
    movements = [
        Movement(Account.ADJUSTMENTS, account, amount)
        if amount > 0
        else Movement(account, Account.ADJUSTMENTS, -amount)
        for account, amount in names.items()
        if amount
    ]
    if movements:
        ledger.post(entry(wallet, pockets.balance, Flow(onward=tuple(movements))))


def entry(wallet: Wallet, amount: Decimal, flow: Flow) -> Entry:
    return Entry(
        wallet_id=wallet.pk,
        kind=Transaction.Kind.ADJUSTMENT,
        amount=amount,
        flow=flow,
        occurred_at=NOON,
    )


def outcome(wallets: list[Wallet], first: int = 1) -> list[object]:
    """What transactions and pockets say, without what differs from run to run."""
    made = Transaction.objects.filter(wallet__in=wallets, sequence__gte=first)
    rows = made.values_list(
        "wallet", "sequence", "amount", "balance_before", "balance_after", "arrears_after",
        "debits", "credits", "amounts", "estate",
    )  # fmt: skip
    held = Wallet.objects.filter(pk__in=[wallet.pk for wallet in wallets])
    places = {wallet.pk: place for place, wallet in enumerate(wallets)}
    return [
        sorted((places[row[0]], *row[1:-1]) for row in rows),
        [pockets_of(held.get(pk=wallet.pk)) for wallet in wallets],
    ]


def run(entries: list[Entry], *, together: bool) -> list[object] | str:
    """The outcome of posting entries, rolled back; or that money is missing."""
    wallets = [Wallet.objects.get(pk=one.wallet_id) for one in entries]
    mark = transaction.savepoint_create()
    try:
        if together:
            ledger.post_many(entries)
        else:
            for one in entries:
                ledger.post(one)
        return outcome(wallets)
    except InsufficientBalance:
        return "insufficient"
    finally:
        transaction.savepoint_rollback(mark)


def expected(entries: list[Entry], held: list[Pockets]) -> list[Pockets] | str:
    try:
        return [one.flow.after(pockets) for one, pockets in zip(entries, held, strict=True)]
    except InsufficientBalance:
        return "insufficient"


@pytest.mark.django_db
class TestRules:
    @settings(
        max_examples=40,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(holdings, flows())
    def test_are_the_same_for_one_for_many_and_in_python(
        self, held: list[Pockets], asked: tuple[list[Decimal], list[Flow]]
    ):
        wallets = [WalletFactory.create() for _ in held]
        for wallet, pockets in zip(wallets, held, strict=True):
            hold(wallet, pockets)
        entries = [
            entry(wallet, amount, flow)
            for wallet, amount, flow in zip(wallets, *asked, strict=True)
        ]

        singly, together = run(entries, together=False), run(entries, together=True)

        assert singly == together
        pockets = singly if isinstance(singly, str) else singly[1]
        assert pockets == expected(entries, held)

    def test_reach_many_by_one_statement(self, django_assert_num_queries):
        wallets = [WalletFactory.create() for _ in range(20)]
        entries = [
            entry(
                wallet,
                Decimal(10),
                Flow(Decimal(10), (Tap(Account.ADJUSTMENTS),), (Tap(Account.AVAILABLE),)),
            )
            for wallet in wallets
        ]

        # Two savepoints and their ends, the limit of waiting, and the statement itself.
        with django_assert_num_queries(6):
            ledger.post_many(entries)

    def test_take_entries_of_other_forms_along(self):
        wallets = [WalletFactory.create() for _ in range(3)]
        paid = Flow(Decimal(10), (Tap(Account.ADJUSTMENTS),), (Tap(Account.AVAILABLE),))
        moved = Flow(onward=(Movement(Account.ADJUSTMENTS, Account.WATER, Decimal(10)),))
        entries = [entry(wallet, Decimal(10), flow) for wallet in wallets for flow in (paid, moved)]

        posted = ledger.post_many(entries)

        assert [one.transaction.sequence for one in posted] == [1, 2] * 3
        assert {pockets_of(Wallet.objects.get(pk=one.pk)).balance for one in wallets} == {20}


@pytest.mark.django_db
class TestTraps:
    def keyed(self, wallet: Wallet, key: str) -> Entry:
        return Entry(
            wallet_id=wallet.pk,
            kind=Transaction.Kind.TOPUP,
            amount=Decimal(10),
            flow=Flow(Decimal(10), (Tap(Account.CLEARING_EFT),), (Tap(Account.AVAILABLE),)),
            occurred_at=NOON,
            idempotency_key=key,
        )

    def test_a_replay_among_many_moves_nothing(self):
        """To move the wallet first and skip the insert on conflict pays twice."""
        wallets = [WalletFactory.create() for _ in range(3)]
        keys = [f"{number} {uuid7()}" for number in range(3)]
        first = ledger.post(self.keyed(wallets[0], keys[0]))

        again = ledger.post_many(
            [self.keyed(wallet, key) for wallet, key in zip(wallets, keys, strict=True)]
        )

        assert [one.replayed for one in again] == [True, False, False]
        assert again[0].transaction == first.transaction
        assert {Wallet.objects.get(pk=one.pk).available for one in wallets} == {10}

    def test_a_key_twice_in_one_run_is_refused_and_nothing_is_kept(self):
        wallets = [WalletFactory.create() for _ in range(2)]

        with pytest.raises(ledger.IdempotencyKeyReused), transaction.atomic():
            ledger.post_many([self.keyed(wallet, "same") for wallet in wallets])

        assert not Transaction.objects.exists()

    def test_two_charges_of_a_wallet_in_one_run_both_count(self):
        """UPDATE ... FROM applies one of two rows for a wallet and says nothing."""
        wallet = WalletFactory.create()
        paid = Flow(Decimal(10), (Tap(Account.ADJUSTMENTS),), (Tap(Account.AVAILABLE),))

        ledger.post_many([entry(wallet, Decimal(10), paid) for _ in range(3)])

        wallet.refresh_from_db()
        assert (wallet.available, wallet.sequence) == (30, 3)

    def test_wallets_have_room_on_their_pages(self):
        """A run writes every wallet anew: at fillfactor 45 each new version fits beside it."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT reloptions FROM pg_class WHERE relname = 'wallets_wallet'")
            assert cursor.fetchone() == (["fillfactor=45"],)

    def test_no_index_of_a_wallet_holds_what_a_posting_changes(self):
        """Such an index ends the updates in place (HOT) of every top-up."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'wallets_wallet'")
            definitions = " ".join(row[0] for row in cursor)
        assert not [name for name in (*POCKETS, "balance", "sequence") if f"({name}" in definitions]

    def test_money_is_never_written_lazily(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(string_agg(proname, ', '), '') FROM pg_proc"
                " WHERE proname LIKE 'ledger_%' AND proconfig::text LIKE '%synchronous_commit%'"
            )
            assert cursor.fetchone() == ("",)

    def test_a_form_names_all_that_entries_share(self):
        """What the one statement takes from the first entry must be equal in all."""
        wallet = WalletFactory.create()
        one, other = self.keyed(wallet, "a"), self.keyed(wallet, "b")

        assert ledger_calls.form(one) == ledger_calls.form(other)
        paid = Flow(Decimal(9), (Tap(Account.CLEARING_EFT),), (Tap(Account.AVAILABLE),))
        assert ledger_calls.form(entry(wallet, Decimal(10), paid)) is None


@pytest.mark.django_db(transaction=True)
class TestStaleReads:
    def test_a_balance_is_read_after_its_lock(self):
        """Read by the statement that waits, it is the balance of before the wait."""
        from concurrent.futures import ThreadPoolExecutor

        wallet = WalletFactory.create()
        ledger.post(
            entry(
                wallet,
                Decimal(100),
                Flow(Decimal(100), (Tap(Account.ADJUSTMENTS),), (Tap(Account.AVAILABLE),)),
            )
        )

        def spend(amount: int) -> bool:
            flow = Flow(Decimal(amount), (Tap(Account.AVAILABLE),), (Tap(Account.WATER),))
            try:
                ledger.post(entry(wallet, Decimal(amount), flow))
            except InsufficientBalance:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(2) as pool, transaction.atomic():
            ledger.lock([wallet.pk])
            other = pool.submit(spend, 60)
            ledger.post(
                entry(
                    wallet,
                    Decimal(50),
                    Flow(Decimal(50), (Tap(Account.AVAILABLE),), (Tap(Account.SOLAR),)),
                )
            )
        assert not other.result()
        wallet.refresh_from_db()
        assert (wallet.available, wallet.water, wallet.solar) == (50, 0, 50)
