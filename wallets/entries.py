"""What is asked of the ledger, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Required, TypedDict
from uuid import UUID

from accounts.models import User
from wallets.models import Transaction
from wallets.pockets import Flow


class Occasion(TypedDict, total=False):
    """When something happened, and which request asked for it; an entry takes it as it is."""

    occurred_at: Required[datetime]
    reference: str
    idempotency_key: str | None
    request_digest: str


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

    __slots__ = ("_transaction", "replayed", "transaction_id")

    def __init__(
        self, transaction_id: UUID, made: Transaction | None = None, *, replayed: bool = False
    ) -> None:
        self.transaction_id, self._transaction, self.replayed = transaction_id, made, replayed

    @property
    def transaction(self) -> Transaction:
        """The transaction; one of many is read from the database when it is asked for."""
        if self._transaction is None:
            self._transaction = Transaction.objects.get(pk=self.transaction_id)
        return self._transaction


def written_as(entry: Entry, written: Written) -> Transaction:
    """The transaction that an entry became, without asking the database again."""
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
