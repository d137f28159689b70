"""
The two database functions that write the ledger (`wallets/migrations/0012`), as calls.

`ledger_post` posts one entry of any form. `ledger_post_many` posts entries of different wallets
that differ in amounts and keys alone: 100,000 of them as one statement take a sixth of the time
that one call each takes.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Model

from quantify.money import ZERO
from wallets.arrays import array
from wallets.entries import Entry, Posted, Written, written_as
from wallets.models import Account
from wallets.pockets import Flow

type Form = tuple[object, ...]
type Column = str | list[str] | list[str | None] | None


class Move(NamedTuple):
    """What differs between entries of one form: whose, how much, and what of it moves onward."""

    wallet_id: UUID
    amount: Decimal
    onward: Decimal


POST = """
SELECT refusal, id, number, estate_id, sequence, balance_before, balance_after, arrears_after,
    recorded_at, debits, credits, amounts
FROM ledger_post(%s::uuid, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s::uuid, %s::uuid, %s,
    %s, %s, %s, %s, %s, %s::smallint, %s::smallint[], %s::boolean[], %s::numeric,
    %s::smallint[], %s::smallint[], %s::numeric[])
"""
# The call within another statement; what differs are its columns of wallets, amounts, onward
# amounts, caps, keys and digests, what entries share is `shared`.
CALL_MANY = """ledger_post_many({}, %(kind)s, %(utility)s, %(method)s, %(reference)s, %(reason)s,
    %(actor)s::uuid, %(occurred_at)s, %(refuse_suspended)s, %(refuse_closed)s, %(pays_in)s,
    %(counter)s::smallint, %(steps)s::smallint[], %(bounded)s::boolean[],
    %(onward_debit)s::smallint, %(onward_credit)s::smallint)"""
COLUMNS_MANY = """%(wallets)s::uuid[], %(amounts)s::numeric[], %(onward)s::numeric[],
    %(caps)s::numeric[], %(keys)s::text[], %(digests)s::text[]"""
POST_MANY = f"SELECT wallet_id, id FROM {CALL_MANY.format(COLUMNS_MANY)}"  # noqa: S608
COLUMNS = ("wallets", "amounts", "onward", "caps", "keys", "digests")


def post(entry: Entry) -> tuple[Posted | None, str]:
    """Post one entry; nothing, and why in a word, if the database refuses it."""
    flow = entry.flow
    with connection.cursor() as cursor:
        cursor.execute(POST, [
            entry.wallet_id, entry.kind.value, entry.utility, entry.amount, entry.payment_method,
            entry.reference, entry.reason, json.dumps(entry.metadata), entry.idempotency_key,
            entry.request_digest, _pk(entry.reverses), _pk(entry.actor), entry.occurred_at,
            entry.refuse_suspended, entry.refuse_closed, flow.above_debts, flow.amount,
            flow.pays_in, flow.counter,
            _codes(step.account for step in flow.steps), _truths(flow), _cap(flow),
            _codes(movement.debit for movement in flow.onward),
            _codes(movement.credit for movement in flow.onward),
            array(str(movement.amount) for movement in flow.onward),
        ])  # fmt: skip
        refusal, *row = cursor.fetchone()
    return (None, refusal) if refusal else (Posted(row[0], written_as(entry, Written(*row))), "")


def form(entry: Entry) -> Form | None:
    """What entries of one statement have in common; nothing if an entry must go alone."""
    flow = entry.flow
    if entry.metadata or entry.reverses or flow.above_debts or flow.amount != abs(entry.amount):
        return None
    if len(flow.onward) > 1 or not flow.steps:
        return None
    onward = flow.onward[0] if flow.onward else None
    sides = frozenset((onward.debit, onward.credit)) if onward else None
    steps = tuple((step.account, step.bounded) for step in flow.steps)
    return (
        entry.kind, entry.utility, entry.payment_method, entry.reference, entry.reason,
        entry.actor, entry.occurred_at, entry.refuse_suspended, entry.refuse_closed,
        flow.pays_in, flow.counter, steps, sides, _cap(flow) is None,
        entry.idempotency_key is None, entry.request_digest == "",
    )  # fmt: skip


def post_many(entries: Sequence[Entry]) -> list[Posted | None]:
    """
    Post entries of one form, each to another wallet; nothing for those the database left out.

    A flow that takes more than a wallet holds fails as a whole (an IntegrityError).
    """
    one, capped = entries[0], _cap(entries[0].flow) is not None
    debit, credit = _sides(entries)
    made = _post_columns(
        one,
        [
            array(entry.wallet_id.hex for entry in entries),
            array(str(entry.amount) for entry in entries),
            array(str(_onward(entry.flow, debit)) for entry in entries),
            array(str(_cap(entry.flow)) for entry in entries) if capped else None,
            [entry.idempotency_key for entry in entries] if one.idempotency_key else None,
            [entry.request_digest for entry in entries] if one.request_digest else None,
        ],
        (debit, credit),
    )
    ids = [made.get(entry.wallet_id.int) for entry in entries]
    return [Posted(one) if one else None for one in ids]


def post_alike(one: Entry, moves: Sequence[Move]) -> list[UUID]:
    """
    Post an entry to many wallets, with an amount of each; the ids of the transactions.

    Its flow has to be of whole amounts and without a key; see `form`.
    """
    columns = [
        array(move.wallet_id.hex for move in moves),
        array(str(move.amount) for move in moves),
        array(str(move.onward) for move in moves),
        None, None, None,
    ]  # fmt: skip
    made = _post_columns(one, columns, _sides([one]))
    return [made[move.wallet_id.int] for move in moves]


def _post_columns(
    one: Entry,
    columns: Sequence[Column],
    sides: tuple[Account | None, Account | None],
) -> dict[int, UUID]:
    """The transactions by the numbers of their wallets' ids; `columns` hold what differs."""
    differ = dict(zip(COLUMNS, columns, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(POST_MANY, differ | _shared(one, sides))
        return {wallet_id.int: pk for wallet_id, pk in cursor.fetchall()}


def shared(one: Entry) -> dict[str, Any]:
    """
    What entries to many wallets have in common, by the names of `CALL_MANY`: charges by billing.

    Its flow has to be of whole amounts and without a key; see `form`.
    """
    return _shared(one, _sides([one]))


def _shared(one: Entry, sides: tuple[Account | None, Account | None]) -> dict[str, Any]:
    flow = one.flow
    debit, credit = sides
    return {
        "kind": one.kind.value,
        "utility": one.utility,
        "method": one.payment_method,
        "reference": one.reference,
        "reason": one.reason,
        "actor": _pk(one.actor),
        "occurred_at": one.occurred_at,
        "refuse_suspended": one.refuse_suspended,
        "refuse_closed": one.refuse_closed,
        "pays_in": flow.pays_in,
        "counter": flow.counter,
        "steps": _codes(step.account for step in flow.steps),
        "bounded": _truths(flow),
        "onward_debit": debit,
        "onward_credit": credit,
    }


def _pk(row: Model | None) -> UUID | None:
    return row.pk if row else None


def _sides(entries: Iterable[Entry]) -> tuple[Account | None, Account | None]:
    """The accounts of what moves onward, as the first entry that has it names them."""
    onward = next((entry.flow.onward[0] for entry in entries if entry.flow.onward), None)
    return (onward.debit, onward.credit) if onward else (None, None)


def _onward(flow: Flow, debit: Account | None) -> Decimal:
    """What moves onward: positive from the debited account, negative towards it."""
    if not flow.onward:
        return ZERO
    movement = flow.onward[0]
    return movement.amount if movement.debit == debit else -movement.amount


def _cap(flow: Flow) -> Decimal | None:
    """How much of the arrears may be paid; no bound of a flow but this one varies."""
    return next((step.cap for step in flow.steps if step.cap is not None), None)


def _truths(flow: Flow) -> str:
    return array("t" if step.bounded else "f" for step in flow.steps)


def _codes(accounts: Iterable[Account]) -> str:
    return array(str(int(account)) for account in accounts)
