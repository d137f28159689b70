"""
The only writer of postings and balances.

Every movement of money is an `Entry`: what happened, and a flow that says which amounts go from
where to where, given what the wallet holds. The database locks the wallet, applies the flow and
writes transaction, postings and pockets in one statement (`wallets.ledger_calls`), so one top-up
and a billing run of thousands follow the same rules.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from accounts.models import User
from quantify.crash_points import Point, reach
from wallets import ledger_calls
from wallets.arrays import ids
from wallets.entries import Entry, Posted
from wallets.ledger_calls import Move
from wallets.models import Transaction, Wallet
from wallets.pockets import Flow, InsufficientBalance, opposite, pockets_of, with_arrears

__all__ = [
    "Entry",
    "Move",
    "Posted",
    "lock",
    "post",
    "post_alike",
    "post_many",
    "reverse",
    "waiting_briefly",
]

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


def post(entry: Entry) -> Posted:
    """
    Post one entry; the same idempotency key again returns the first transaction, unchanged.

    :raises InsufficientBalance: if protected money is missing.
    :raises WalletSuspended: if the entry is refused by a suspended wallet.
    :raises EstateClosed: if the entry is refused by a deleted unit or estate.
    :raises IdempotencyKeyReused: if the key stands for another request.
    :raises AlreadyReversed: if what it reverses was reversed before.
    :raises LedgerBusy: if the wallet stayed locked for more than three seconds.
    """
    reach(Point.BEFORE_LEDGER_WRITE)
    with _clear_errors(), _statement():
        posted, refusal = ledger_calls.post(entry)
    reach(Point.AFTER_LEDGER_WRITE)
    return posted or _refused(entry, refusal)


def post_many(entries: Sequence[Entry]) -> list[Posted]:
    """
    Post entries to their wallets in one database transaction: all or none.

    Wallets are locked in primary-key order, whatever the order of the entries; entries of one
    wallet are posted in the order given, others by thousands in one statement. Raises what
    `post` raises.
    """
    results: dict[int, Posted] = {}
    with waiting_briefly():
        groups = list(_groups(entries))
        if len(groups) != 1 or ledger_calls.form(entries[0]) is None:
            lock([entry.wallet_id for entry in entries])
        for places in groups:
            results |= _post_alike(entries, places)
    return [results[place] for place in range(len(entries))]


def post_alike(entry: Entry, moves: Sequence[Move]) -> list[UUID]:
    """
    Post one entry to many wallets, each another, with an amount of each, in one statement.

    The wallets are locked before, and nothing in the entry may be refused: charges are so. The
    ids of the transactions, in the order of the moves.

    :raises LedgerBusy: if one of the wallets stayed locked for more than three seconds.
    """
    reach(Point.BEFORE_LEDGER_WRITE)
    with _clear_errors():
        made = ledger_calls.post_alike(entry, moves)
    reach(Point.AFTER_LEDGER_WRITE)
    return made


@contextmanager
def waiting_briefly() -> Iterator[None]:
    """
    A database transaction whose locks wait three seconds at most.

    :raises LedgerBusy: if one of them waited longer.
    """
    with _clear_errors(), transaction.atomic():
        _limit_waiting()
        yield
        reach(Point.BEFORE_LEDGER_COMMIT)


def lock(wallet_ids: Iterable[UUID | str]) -> None:
    """
    Lock wallets for the rest of the database transaction, in primary-key order.

    :raises LedgerBusy: if one of them stayed locked for more than three seconds.
    """
    locked = Wallet.objects.locked().filter(pk__in=ids(wallet_ids))
    with _clear_errors(), connection.cursor() as cursor:
        _limit_waiting()
        query, asked = locked.values("pk").query.sql_with_params()
        # Thousands of ids need not come back.
        cursor.execute(f"SELECT count(*) FROM ({query}) AS locked", asked)  # noqa: S608


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
    with waiting_briefly():
        if override:
            lock([original.wallet_id])
            wallet = Wallet.objects.get(pk=original.wallet_id)
            movements = with_arrears(pockets_of(wallet), movements)
        entry = Entry(
            wallet_id=original.wallet_id,
            kind=Transaction.Kind.REVERSAL,
            amount=-original.amount,
            flow=Flow(onward=tuple(movements)),
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


def is_posted(idempotency_key: str | None) -> bool:
    """Whether a request was answered before: it is not judged anew, but answered the same."""
    if idempotency_key is None:
        return False
    return Transaction.objects.filter(idempotency_key=idempotency_key).exists()


def check_open(entry: Entry, wallet: Wallet) -> None:
    """
    Refuse an entry that a suspended wallet, or one of a deleted unit, does not take.

    :raises WalletSuspended: if the wallet is suspended.
    :raises EstateClosed: if its unit or estate was deleted.
    """
    if entry.refuse_suspended and wallet.is_suspended:
        raise WalletSuspended("The wallet is suspended. Ask the estate's office.")
    if entry.refuse_closed and (wallet.unit.deleted_at or wallet.unit.estate.deleted_at):
        raise EstateClosed("The unit or its estate was deleted. Restore it first.")


def _limit_waiting() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")


def _statement() -> AbstractContextManager[None]:
    """A savepoint within a transaction; a single statement outside of one is one by itself."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise LedgerBusy("The wallet is in use. Send the same request again.") from error
        raise
    except IntegrityError as error:
        # Seen only if another wallet's request with the same key committed a moment before.
        if "transaction_idempotency_key" in str(error):
            raise IdempotencyKeyReused("This key was used for another request.") from error
        raise


def _groups(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """
    The places of entries of one form each, no wallet twice in a group, its entries in order.

    A group is one statement, which locks its wallets by itself; several have to be locked first.
    """
    groups: dict[tuple[int, ledger_calls.Form | None], list[int]] = {}
    counts: dict[UUID, int] = {}
    for place, entry in enumerate(entries):
        number = counts[entry.wallet_id] = counts.get(entry.wallet_id, -1) + 1
        groups.setdefault((number, ledger_calls.form(entry)), []).append(place)
    yield from (groups[key] for key in sorted(groups, key=lambda key: key[0]))


def _post_alike(entries: Sequence[Entry], places: Sequence[int]) -> dict[int, Posted]:
    """Post entries of one form: in one statement, or singly what no statement of many takes."""
    if len(places) == 1 or ledger_calls.form(entries[places[0]]) is None:
        return {place: post(entries[place]) for place in places}
    posted = _post_statement([entries[place] for place in places])
    return dict(zip(places, posted, strict=True))


def _post_statement(entries: Sequence[Entry]) -> list[Posted]:
    reach(Point.BEFORE_LEDGER_WRITE)
    try:
        with transaction.atomic():
            posted = ledger_calls.post_many(entries)
    except IntegrityError:
        # One of them is refused: singly, the one that is says why.
        lock([entry.wallet_id for entry in entries])
        return [post(entry) for entry in entries]
    reach(Point.AFTER_LEDGER_WRITE)
    return [one or _refused(entry, "") for entry, one in zip(entries, posted, strict=True)]


def _refused(entry: Entry, refusal: str) -> Posted:
    """The transaction that was posted before under the key, or why nothing was posted."""
    key = entry.idempotency_key
    if key and (found := Transaction.objects.filter(idempotency_key=key).first()):
        if found.wallet_id != entry.wallet_id or found.request_digest != entry.request_digest:
            raise IdempotencyKeyReused("This key was used for another request.")
        return Posted(found.pk, found, replayed=True)
    if refusal == "reversed":
        raise AlreadyReversed(f"{entry.reverses} was reversed before.")
    wallet = Wallet.objects.select_related("unit__estate").get(pk=entry.wallet_id)
    check_open(entry, wallet)
    entry.flow.after(pockets_of(wallet))
    raise LedgerBusy("The wallet changed meanwhile. Send the same request again.")
