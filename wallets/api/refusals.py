"""The problems of money, and the ledger's errors that they stand for."""

from http import HTTPStatus

from quantify.api import problems
from wallets import ledger, pockets, topups
from wallets.billing import closings, differences
from wallets.models import BillDifference
from wallets.office import (
    adjustments,
    final_readings,
    former_residents,
    retirement,
    settlement,
    suspense,
)

INSUFFICIENT_BALANCE = problems.define(
    "insufficient_balance", HTTPStatus.BAD_REQUEST, "Insufficient balance",
    "Less money is available than was asked for; nothing was changed. Top up first.",
)  # fmt: skip
SUSPENDED = problems.define(
    "wallet_suspended", HTTPStatus.BAD_REQUEST, "Wallet suspended",
    "The wallet is suspended: nothing is paid in, bought or paid back.",
)  # fmt: skip
CLOSED = problems.define(
    "estate_closed", HTTPStatus.BAD_REQUEST, "Unit or estate deleted",
    "The unit or its estate was deleted: money is only paid back or reversed.",
)  # fmt: skip
UNIT_IN_USE = problems.define(
    "unit_in_use", HTTPStatus.CONFLICT, "Unit in use",
    "Somebody lives there or is going to, a meter hangs there, or its wallet is not at zero; "
    "the detail says which of it, and what to do first.",
)  # fmt: skip
PROPOSAL_DECIDED = problems.define(
    "proposal_decided", HTTPStatus.CONFLICT, "Decided before",
    "A proposal is approved, rejected or withdrawn once, and this one was.",
)  # fmt: skip
OWN_PROPOSAL = problems.define(
    "own_proposal", HTTPStatus.FORBIDDEN, "A second person is needed",
    "Who proposed an adjustment does not decide it.",
)  # fmt: skip
NOT_OWN_PROPOSAL = problems.define(
    "not_own_proposal", HTTPStatus.FORBIDDEN, "Somebody else's proposal",
    "Only who proposed an adjustment withdraws it.",
)  # fmt: skip
BELOW_MINIMUM = problems.define(
    "below_minimum", HTTPStatus.BAD_REQUEST, "Below the minimum",
    "The estate does not take so little at once; its settings name the smallest top-up.",
)  # fmt: skip
ABOVE_MAXIMUM = problems.define(
    "above_maximum", HTTPStatus.BAD_REQUEST, "Above the maximum",
    "The estate does not take so much at once; its settings name the largest top-up.",
)  # fmt: skip
ALREADY_REVERSED = problems.define(
    "already_reversed", HTTPStatus.CONFLICT, "Already reversed",
    "A transaction is reversed once, and this one was.",
)  # fmt: skip
NOT_REVERSIBLE = problems.define(
    "not_reversible", HTTPStatus.BAD_REQUEST, "Not reversible",
    "The transaction is a reversal itself, or its money was spent since.",
)  # fmt: skip
NOT_A_CHARGE = problems.define(
    "not_a_charge", HTTPStatus.BAD_REQUEST, "Not a charge",
    "Only the transactions of consumption are made of readings and prices.",
)  # fmt: skip
NO_RELAY = problems.define(
    "no_relay", HTTPStatus.BAD_REQUEST, "No relay",
    "The meter has no relay that can be switched.",
)  # fmt: skip
COMMAND_OPEN = problems.define(
    "command_open", HTTPStatus.CONFLICT, "Command under way",
    "The opposite command is under way; wait until it is done.",
)  # fmt: skip

NOT_ENOUGH_LEFT = problems.define(
    "not_enough_left", HTTPStatus.BAD_REQUEST, "Not enough left in suspense",
    "Less is left of the receipt than was asked for; nothing was changed.",
)  # fmt: skip
PAID_ELSEWHERE = problems.define(
    "paid_to_another_estate", HTTPStatus.BAD_REQUEST, "Paid to another estate",
    "The money was paid to another estate than the wallet's; nothing was changed.",
)  # fmt: skip
RECEIPT_DIFFERS = problems.define(
    "receipt_differs", HTTPStatus.CONFLICT, "Recorded before as another payment",
    "The external key names a payment that was recorded before, with another content.",
)  # fmt: skip
INVALID_RECEIPT = problems.define(
    "invalid_receipt", HTTPStatus.BAD_REQUEST, "No such payment",
    "A payment has a key of its own, and was not received in the future.",
)  # fmt: skip

NOT_ENDED = problems.define(
    "occupancy_not_ended", HTTPStatus.BAD_REQUEST, "Occupancy not ended",
    "An occupancy is settled once it has ended: let the person move out first.",
)  # fmt: skip
NOTHING_TO_SETTLE = problems.define(
    "nothing_to_settle", HTTPStatus.BAD_REQUEST, "Nothing to settle",
    "No occupancy of the unit has ended.",
)  # fmt: skip
SETTLED_BEFORE = problems.define(
    "settled_before", HTTPStatus.CONFLICT, "Settled before",
    "The unit was settled for somebody else up to that day, or a later one.",
)  # fmt: skip
READING_MISSING = problems.define(
    "reading_missing", HTTPStatus.BAD_REQUEST, "Final reading missing",
    "A meter was not read at the end of the occupancy, or only estimated: read it, or accept"
    " estimates.",
)  # fmt: skip
NOT_BILLED = problems.define(
    "not_billed", HTTPStatus.BAD_REQUEST, "Last days not billed",
    "The last days have no price, so nothing is final: assign a rate table first.",
)  # fmt: skip
PAID_SINCE = problems.define(
    "next_person_paid", HTTPStatus.CONFLICT, "The next person has paid in",
    "Money of the next person is in the wallet: reverse it, settle, and post it again.",
)  # fmt: skip
NOT_OWED = problems.define(
    "not_owed", HTTPStatus.BAD_REQUEST, "Not owed",
    "The former resident owes less than was paid; nothing was changed.",
)  # fmt: skip

MONTH_NOT_OVER = problems.define(
    "month_not_over", HTTPStatus.BAD_REQUEST, "Month not over",
    "A month closes once it is over in the estate's time zone.",
)  # fmt: skip
MONTH_CLOSED = problems.define(
    "month_closed", HTTPStatus.CONFLICT, "Month closed before",
    "The month, or a later one, is closed; it is reopened by adjustments alone.",
)  # fmt: skip
DIFFERENCE_DECIDED = problems.define(
    "difference_decided", HTTPStatus.CONFLICT, "Decided before",
    "A difference is posted or dismissed once, and this one was.",
)  # fmt: skip
DIFFERENCE_CHANGED = problems.define(
    "difference_changed", HTTPStatus.CONFLICT, "The facts changed",
    "Another amount is right by now, or none; nothing was posted. Read it again.",
)  # fmt: skip

OF_THE_LEDGER: dict[type[Exception], problems.Kind] = {
    pockets.InsufficientBalance: INSUFFICIENT_BALANCE,
    ledger.WalletSuspended: SUSPENDED,
    ledger.EstateClosed: CLOSED,
    retirement.UnitInUse: UNIT_IN_USE,
    adjustments.ProposalDecided: PROPOSAL_DECIDED,
    adjustments.OwnProposal: OWN_PROPOSAL,
    adjustments.NotOwnProposal: NOT_OWN_PROPOSAL,
    ledger.IdempotencyKeyReused: problems.KEY_REUSED,
    ledger.AlreadyReversed: ALREADY_REVERSED,
    ledger.NotReversible: NOT_REVERSIBLE,
    ledger.LedgerBusy: problems.BUSY,
    topups.BelowMinimum: BELOW_MINIMUM,
    topups.AboveMaximum: ABOVE_MAXIMUM,
    suspense.NotEnoughLeft: NOT_ENOUGH_LEFT,
    suspense.AnotherEstate: PAID_ELSEWHERE,
    suspense.ReceiptDiffers: RECEIPT_DIFFERS,
    suspense.InvalidReceipt: INVALID_RECEIPT,
    settlement.NotEnded: NOT_ENDED,
    settlement.SettledBefore: SETTLED_BEFORE,
    final_readings.ReadingMissing: READING_MISSING,
    settlement.NotBilled: NOT_BILLED,
    settlement.PaidSince: PAID_SINCE,
    former_residents.NotOwed: NOT_OWED,
    closings.MonthNotOver: MONTH_NOT_OVER,
    closings.ClosedBefore: MONTH_CLOSED,
    differences.DifferenceDecided: DIFFERENCE_DECIDED,
    differences.DifferenceChanged: DIFFERENCE_CHANGED,
    BillDifference.DoesNotExist: problems.NOT_FOUND,
}
TOPUP = (BELOW_MINIMUM, ABOVE_MAXIMUM, SUSPENDED, problems.KEY_REUSED, problems.BUSY)
PURCHASE = (INSUFFICIENT_BALANCE, SUSPENDED, problems.KEY_REUSED, problems.BUSY)
ADJUSTMENT = (INSUFFICIENT_BALANCE, SUSPENDED, CLOSED, problems.KEY_REUSED, problems.BUSY)
SERVICE_CHARGE = (SUSPENDED, CLOSED, problems.KEY_REUSED, problems.BUSY)
REJECTION = (PROPOSAL_DECIDED, OWN_PROPOSAL, problems.BUSY)
APPROVAL = (*REJECTION, INSUFFICIENT_BALANCE, SUSPENDED, CLOSED, problems.KEY_REUSED)
WITHDRAWAL = (PROPOSAL_DECIDED, NOT_OWN_PROPOSAL, problems.BUSY)
REVERSAL = (ALREADY_REVERSED, NOT_REVERSIBLE, problems.KEY_REUSED, problems.BUSY)
RECEIPT = (RECEIPT_DIFFERS, INVALID_RECEIPT)
ALLOCATION = (
    NOT_ENOUGH_LEFT, PAID_ELSEWHERE, SUSPENDED, CLOSED, problems.KEY_REUSED, problems.BUSY,
)  # fmt: skip
RETURN = (NOT_ENOUGH_LEFT, problems.KEY_REUSED, problems.BUSY)
SETTLEMENT = (
    NOTHING_TO_SETTLE, NOT_ENDED, SETTLED_BEFORE, READING_MISSING, NOT_BILLED, PAID_SINCE,
    problems.KEY_REUSED, problems.BUSY,
)  # fmt: skip
CLOSING = (MONTH_NOT_OVER, MONTH_CLOSED, problems.BUSY)
DIFFERENCE = (DIFFERENCE_DECIDED, DIFFERENCE_CHANGED, problems.KEY_REUSED, problems.BUSY)
DISMISSAL = (DIFFERENCE_DECIDED, problems.BUSY)
COLLECTION = (NOT_OWED, problems.KEY_REUSED, problems.BUSY)
