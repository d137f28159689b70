"""What is asked of the ledger, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from accounts.models import User
from wallets.models import Transaction
from wallets.pockets import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One business event to be posted to one wallet."""

    wallet_id: UUID
    kind: Transaction.Kind
    amount: Decimal
    flow: Flow
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
class Written:
    """What the database made of an entry."""

    id: UUID
    number: int
    estate_id: UUID
    sequence: int
    balance_before: Decimal
    balance_after: Decimal
    arrears_after: Decimal
    recorded_at: datetime
    debits: list[int]
    credits: list[int]
    amounts: list[Decimal]


class Posted:
    """A transaction, and whether it was there before under the same idempotency key."""

    __slots__ = ("_entry", "_transaction", "_written", "replayed")

    def __init__(self, entry: Entry, written: Written) -> None:
        self._entry, self._written = entry, written
        self._transaction: Transaction | None = None
        self.replayed = False

    @classmethod
    def again(cls, found: Transaction) -> Self:
        """A transaction that the same request made before."""
        posted = cls.__new__(cls)
        posted._transaction, posted.replayed = found, True
        return posted

    @property
    def transaction_id(self) -> UUID:
        return self._transaction.pk if self._transaction else self._written.id

    @property
    def transaction(self) -> Transaction:
        """The transaction as it stands in the database, made without asking it again."""
        if self._transaction is None:
            self._transaction = _transaction(self._entry, self._written)
        return self._transaction


def _transaction(entry: Entry, written: Written) -> Transaction:
    made = Transaction(
        id=written.id,
        number=written.number,
        wallet_id=entry.wallet_id,
        estate_id=written.estate_id,
        sequence=written.sequence,
        kind=entry.kind,
        utility=entry.utility,
        amount=entry.amount,
        balance_before=written.balance_before,
        balance_after=written.balance_after,
        arrears_after=written.arrears_after,
        payment_method=entry.payment_method,
        reference=entry.reference,
        reason=entry.reason,
        metadata=entry.metadata,
        idempotency_key=entry.idempotency_key,
        request_digest=entry.request_digest,
        reverses=entry.reverses,
        actor=entry.actor,
        occurred_at=entry.occurred_at,
        recorded_at=written.recorded_at,
        debits=written.debits,
        credits=written.credits,
        amounts=written.amounts,
    )
    made._state.adding, made._state.db = False, "default"
    return made
