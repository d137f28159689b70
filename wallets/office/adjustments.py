"""
Corrections of a wallet by the office, with a reason, and by two people above the estate's limit.

A positive amount is divided like a top-up: water debt, arrears up to their share, then `available`.
A negative one is taken from `available` alone and refused beyond it: what is bound to a utility
was bought, and a correction makes no debt (a service charge does). The other side is the estate's
`ADJUSTMENTS` account.
"""

from datetime import datetime
from decimal import Decimal
from typing import Unpack
from uuid import UUID

from accounts.models import User
from estates.models import EstateSettings
from wallets import amounts, ledger, wakeups
from wallets.entries import Occasion
from wallets.ledger import Entry, Posted
from wallets.models import Account, AdjustmentProposal, Transaction, Wallet
from wallets.pockets import Flow, Tap
from wallets.topups import paying_in


class ProposalDecided(Exception):
    """The proposal was approved, rejected or withdrawn before."""


class OwnProposal(Exception):
    """Two people are needed: who proposed an adjustment does not decide it."""


class NotOwnProposal(Exception):
    """Only who proposed an adjustment withdraws it."""


def adjust(
    *,
    wallet_id: UUID,
    amount: Decimal,
    reason: str,
    actor: User,
    **occasion: Unpack[Occasion],
) -> Posted | AdjustmentProposal:
    """
    Correct a wallet by a signed amount of rand, or propose it if it is above the estate's limit.

    The same idempotency key again answers the first transaction or proposal, unchanged.

    :raises amounts.InvalidAmount: if it is no amount, or zero.
    :raises amounts.InvalidReason: if no reason is given.
    :raises InsufficientBalance: if less is available than should be taken.
    :raises ledger.WalletSuspended: if the wallet is suspended.
    :raises ledger.EstateClosed: if the unit or its estate was deleted.
    :raises ledger.IdempotencyKeyReused: if the key stands for another request.
    """
    asked = entry(
        wallet_id=wallet_id,
        amount=amount,
        reason=reason,
        actor=actor,
        **occasion,
    )
    with ledger.waiting_briefly():
        ledger.lock([wallet_id])
        if proposal := _proposed_before(asked):
            return proposal
        if is_within_limit(wallet_id, amount) or ledger.is_posted(asked.idempotency_key):
            posted = ledger.post(asked)
            wakeups.credit_changed(wallet_id)
            return posted
        return _propose(asked, actor)


def is_within_limit(wallet_id: UUID, amount: Decimal) -> bool:
    """Whether one person may adjust by the amount; the limit itself is within."""
    return abs(amount) <= _settings(wallet_id).adjustment_limit


def approve(
    *, proposal_id: UUID, note: str = "", decided_at: datetime, actor: User
) -> AdjustmentProposal:
    """
    Post what another person proposed, exactly once.

    :raises ProposalDecided: if it was decided before, also by a click at the same moment.
    :raises OwnProposal: if the same person proposed it.
    :raises InsufficientBalance: if less is available by now; the proposal stays open.
    :raises ledger.WalletSuspended: if the wallet is suspended by now.
    :raises ledger.EstateClosed: if the unit or its estate was deleted by now.
    """
    with ledger.waiting_briefly():
        proposal = _decide(proposal_id, "approved", note=note, decided_at=decided_at, actor=actor)
        posted = ledger.post(
            entry(
                wallet_id=proposal.wallet_id,
                amount=proposal.amount,
                reason=proposal.reason,
                reference=proposal.reference,
                occurred_at=decided_at,
                actor=actor,
                idempotency_key=f"proposal:{proposal.pk}",
                metadata={
                    "proposal": str(proposal.pk),
                    "proposed_by": proposal.proposed_by.username,
                },
            )
        )
        proposal.transaction = posted.transaction
        proposal.save()
        wakeups.credit_changed(proposal.wallet_id)
    return proposal


def reject(
    *, proposal_id: UUID, note: str = "", decided_at: datetime, actor: User
) -> AdjustmentProposal:
    """
    Refuse what another person proposed; no money moves.

    :raises ProposalDecided: if it was decided before.
    :raises OwnProposal: if the same person proposed it: they withdraw it instead.
    """
    with ledger.waiting_briefly():
        proposal = _decide(proposal_id, "rejected", note=note, decided_at=decided_at, actor=actor)
        proposal.save()
    return proposal


def withdraw(*, proposal_id: UUID, decided_at: datetime, actor: User) -> AdjustmentProposal:
    """
    Take back one's own proposal.

    :raises ProposalDecided: if it was decided before.
    :raises NotOwnProposal: if somebody else proposed it.
    """
    with ledger.waiting_briefly():
        proposal = _open(proposal_id)
        if proposal.proposed_by_id != actor.pk:
            raise NotOwnProposal("Somebody else proposed this: approve or reject it.")
        proposal.state, proposal.decided_at = AdjustmentProposal.State.WITHDRAWN, decided_at
        proposal.save()
    return proposal


def entry(
    *,
    wallet_id: UUID,
    amount: Decimal,
    reason: str,
    actor: User,
    metadata: dict[str, object] | None = None,
    **occasion: Unpack[Occasion],
) -> Entry:
    """An adjustment to be posted; raises what is wrong with it whatever the wallet holds."""
    amounts.check(amount, signed=True)
    percent = _settings(wallet_id).debt_recovery_percent
    return Entry(
        wallet_id=wallet_id,
        kind=Transaction.Kind.ADJUSTMENT,
        amount=amount,
        flow=flow(amount, debt_recovery_percent=percent),
        payment_method=Transaction.Method.ADJUSTMENT,
        reason=amounts.check_reason(reason),
        metadata=metadata or {},
        actor=actor,
        refuse_suspended=True,
        refuse_closed=True,
        **occasion,
    )


def flow(amount: Decimal, *, debt_recovery_percent: Decimal) -> Flow:
    """Give like a top-up, or take from what is available alone."""
    if amount > 0:
        return paying_in(
            Account.ADJUSTMENTS, amount, utility="", debt_recovery_percent=debt_recovery_percent
        )
    return Flow(
        amount=-amount,
        sources=(Tap(Account.AVAILABLE),),
        sinks=(Tap(Account.ADJUSTMENTS),),
        shortage="R{available} is available, no more can be taken.",
    )


def _settings(wallet_id: UUID) -> EstateSettings:
    return EstateSettings.objects.get(estate__units__wallet=wallet_id)


def _proposed_before(asked: Entry) -> AdjustmentProposal | None:
    key = asked.idempotency_key
    found = AdjustmentProposal.objects.filter(idempotency_key=key).first() if key else None
    if found and (found.wallet_id, found.request_digest) != (asked.wallet_id, asked.request_digest):
        raise ledger.IdempotencyKeyReused("This key was used for another request.")
    return found


def _propose(asked: Entry, actor: User) -> AdjustmentProposal:
    wallet = Wallet.objects.select_related("unit__estate").get(pk=asked.wallet_id)
    ledger.check_open(asked, wallet)
    return AdjustmentProposal.objects.create(
        wallet=wallet,
        estate_id=wallet.unit.estate_id,
        amount=asked.amount,
        reason=asked.reason,
        reference=asked.reference,
        proposed_by=actor,
        proposed_at=asked.occurred_at,
        idempotency_key=asked.idempotency_key,
        request_digest=asked.request_digest,
    )


def _open(proposal_id: UUID) -> AdjustmentProposal:
    rows = AdjustmentProposal.objects.select_for_update(of=("self",)).select_related("proposed_by")
    proposal = rows.get(pk=proposal_id)
    if proposal.state != AdjustmentProposal.State.PROPOSED:
        raise ProposalDecided(f"This proposal was {proposal.state} before.")
    return proposal


def _decide(
    proposal_id: UUID, state: str, *, note: str, decided_at: datetime, actor: User
) -> AdjustmentProposal:
    proposal = _open(proposal_id)
    if proposal.proposed_by_id == actor.pk:
        raise OwnProposal("Another person decides what you proposed. You may withdraw it.")
    proposal.state = AdjustmentProposal.State(state)
    proposal.note, proposal.decided_by, proposal.decided_at = note, actor, decided_at
    return proposal
