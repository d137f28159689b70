"""
The only writer of postings and balances.

Every movement of money is an `Entry`: what happened, and a plan that says, for the wallet as it
stands under its lock, which amounts go from where to where. A plan is a pure function, so one
top-up and a billing run of thousands follow the same rules.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from accounts.models import User
from quantify.ids import uuid7
from wallets.models import Posting, Transaction, Wallet
from wallets.pockets import (
    POCKET_ACCOUNTS,
    InsufficientBalance,
    Movement,
    Pockets,
    opposite,
    pockets_of,
    with_arrears,
)

LOCK_TIMEOUT = "3s"


class WalletSuspended(Exception):
    """The wallet is suspended: nothing may be paid in, bought or paid back."""


class EstateClosed(Exception):
    """The unit or its estate was deleted: money is only given back, not taken in or bound."""


class IdempotencyKeyReused(Exception):
    """The key was used before, for another request."""


class AlreadyReversed(Exception):
    """The transaction was reversed before."""


class NotReversible(Exception):
    """The transaction cannot be reversed: it is a reversal, or its money was spent."""


class LedgerBusy(Exception):
    """The wallet stayed locked too long; the same request may be sent again."""


type Plan = Callable[[Pockets], Sequence[Movement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One business event to be posted to one wallet."""

    wallet_id: UUID
    kind: Transaction.Kind
    amount: Decimal
    plan: Plan
    occurred_at: datetime
    utility: str = ""
    payment_method: str = ""
    reference: str = ""
    reason: str = ""
    metadata: dict[str, object] = field(default_factory=dict)
    idempotency_key: str | None = None
    request_digest: str = ""
    reverses: Transaction | None = None
    actor: User | None = None
    refuse_suspended: bool = False
    refuse_closed: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction, and whether it was there before under the same idempotency key."""

    transaction: Transaction
    replayed: bool


def post(entry: Entry) -> Posted:
    """
    Post one entry; the same idempotency key again returns the first transaction, unchanged.

    :raises InsufficientBalance: if protected money is missing.
    :raises WalletSuspended: if the entry is refused by a suspended wallet.
    :raises EstateClosed: if the entry is refused by a deleted unit or estate.
    :raises IdempotencyKeyReused: if the key stands for another request.
    :raises LedgerBusy: if the wallet stayed locked for more than three seconds.
    """
    return post_many([entry])[0]


def post_many(entries: Sequence[Entry]) -> list[Posted]:
    """
    Post entries to their wallets in one database transaction: all or none.

    Wallets are locked in primary-key order, whatever the order of the entries; entries of one
    wallet are posted in the order given. Raises what `post` raises.
    """
    with waiting_briefly():
        return _post_locked(entries, _lock(entry.wallet_id for entry in entries))


@contextmanager
def waiting_briefly() -> Iterator[None]:
    """
    A database transaction whose locks wait three seconds at most.

    :raises LedgerBusy: if one of them waited longer.
    """
    try:
        with transaction.atomic():
            _limit_waiting()
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise LedgerBusy("The wallet is in use. Send the same request again.") from error
        raise


def lock(wallet_ids: Sequence[UUID]) -> None:
    """Lock wallets for the rest of the database transaction, in primary-key order."""
    _limit_waiting()
    _lock(wallet_ids)


def reverse(
    *,
    transaction_id: UUID,
    reason: str,
    occurred_at: datetime,
    actor: User | None,
    idempotency_key: str | None = None,
    request_digest: str = "",
    override: bool = False,
) -> Posted:
    """
    Post the equal and opposite of a transaction, once.

    With `override`, what was spent since becomes arrears (`pockets.with_arrears`); who may do
    so has the permission `wallets.override_reversal`.

    :raises AlreadyReversed: if it was reversed before.
    :raises NotReversible: if it is a reversal itself, or its money was spent since.
    """
    original = Transaction.objects.get(pk=transaction_id)
    if original.kind == Transaction.Kind.REVERSAL:
        raise NotReversible("A reversal is not reversed: post the transaction again instead.")
    movements = opposite(original.postings.order_by("line"))

    def plan(pockets: Pockets) -> Sequence[Movement]:
        # Asked under the wallet's lock, so that two reversals at once are one.
        if Transaction.objects.filter(reverses=original).exists():
            raise AlreadyReversed(f"{original} was reversed before.")
        return with_arrears(pockets, movements) if override else movements

    entry = Entry(
        wallet_id=original.wallet_id,
        kind=Transaction.Kind.REVERSAL,
        amount=-original.amount,
        plan=plan,
        occurred_at=occurred_at,
        utility=original.utility,
        payment_method=original.payment_method,
        reference=f"Reversal of {original}",
        reason=reason,
        metadata={"override": True} if override else {},
        idempotency_key=idempotency_key,
        request_digest=request_digest,
        reverses=original,
        actor=actor,
    )
    try:
        return post(entry)
    except InsufficientBalance as error:
        raise NotReversible(f"The money of {original} was spent since. {error}") from error


def _limit_waiting() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def _lock(wallet_ids: Iterable[UUID]) -> dict[UUID, Wallet]:
    wallets = Wallet.objects.locked().select_related("unit__estate").filter(pk__in=set(wallet_ids))
    return {wallet.pk: wallet for wallet in wallets}


def _post_locked(entries: Sequence[Entry], wallets: dict[UUID, Wallet]) -> list[Posted]:
    earlier = _posted_before(entries)
    results: list[Posted] = []
    postings: list[Posting] = []
    for entry in entries:
        if found := earlier.get(entry.idempotency_key or ""):
            if found.wallet_id != entry.wallet_id or found.request_digest != entry.request_digest:
                raise IdempotencyKeyReused("This key was used for another request.")
            results.append(Posted(found, replayed=True))
            continue
        made, moved = _make(entry, wallets[entry.wallet_id])
        results.append(Posted(made, replayed=False))
        postings += moved
    new = [posted.transaction for posted in results if not posted.replayed]
    _write(new, postings, wallets)
    return results


def _posted_before(entries: Sequence[Entry]) -> dict[str, Transaction]:
    keys = [entry.idempotency_key for entry in entries if entry.idempotency_key]
    if not keys:
        return {}
    found = Transaction.objects.filter(idempotency_key__in=keys)
    return {str(earlier.idempotency_key): earlier for earlier in found}


def check_open(entry: Entry, wallet: Wallet) -> None:
    """Refuse an entry that a suspended wallet, or one of a deleted unit, does not take."""
    if entry.refuse_suspended and wallet.is_suspended:
        raise WalletSuspended("The wallet is suspended. Ask the estate's office.")
    if entry.refuse_closed and (wallet.unit.deleted_at or wallet.unit.estate.deleted_at):
        raise EstateClosed("The unit or its estate was deleted. Restore it first.")


def _make(entry: Entry, wallet: Wallet) -> tuple[Transaction, list[Posting]]:
    check_open(entry, wallet)
    before = pockets_of(wallet)
    movements = entry.plan(before)
    after = before.after(movements)
    wallet.sequence += 1
    for name in (*POCKET_ACCOUNTS.values(), "arrears"):
        setattr(wallet, name, getattr(after, name))
    made = Transaction(
        id=uuid7(),
        wallet=wallet,
        estate_id=wallet.unit.estate_id,
        sequence=wallet.sequence,
        kind=entry.kind,
        utility=entry.utility,
        amount=entry.amount,
        balance_before=before.balance,
        balance_after=after.balance,
        arrears_after=after.arrears,
        payment_method=entry.payment_method,
        reference=entry.reference,
        reason=entry.reason,
        metadata=entry.metadata,
        idempotency_key=entry.idempotency_key,
        request_digest=entry.request_digest,
        reverses=entry.reverses,
        actor=entry.actor,
        occurred_at=entry.occurred_at,
    )
    postings = [
        Posting(
            transaction=made,
            line=line,
            debit=movement.debit,
            credit=movement.credit,
            amount=movement.amount,
        )
        for line, movement in enumerate(movements, start=1)
    ]
    return made, postings


def _write(
    made: Sequence[Transaction], postings: Sequence[Posting], wallets: dict[UUID, Wallet]
) -> None:
    if not made:
        return
    Transaction.objects.bulk_create(made)
    Posting.objects.bulk_create(postings)
    _write_pockets([wallets[pk] for pk in {one.wallet_id for one in made}])


def _write_pockets(wallets: Sequence[Wallet]) -> None:
    """
    Store the pockets of many wallets in one statement.

    One UPDATE joined to arrays instead of one per wallet: a billing run writes thousands.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE wallets_wallet AS wallet
            SET available = new.available, electricity = new.electricity, water = new.water,
                solar = new.solar, arrears = new.arrears, sequence = new.sequence,
                updated_at = now()
            FROM unnest(%s::uuid[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
                        %s::numeric[], %s::bigint[])
                 AS new (id, available, electricity, water, solar, arrears, sequence)
            WHERE wallet.id = new.id
            """,
            [
                [wallet.pk for wallet in wallets],
                *(
                    [getattr(wallet, name) for wallet in wallets]
                    for name in ("available", "electricity", "water", "solar", "arrears")
                ),
                [wallet.sequence for wallet in wallets],
            ],
        )
