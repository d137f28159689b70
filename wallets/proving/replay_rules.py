"""
How each kind of transaction moves money, written a second time for the replay.

Shares nothing with the code that posts but the names of the accounts, and is meant to be read: a
rule of each kind, in plain decimals, on what the wallet holds.
"""

from decimal import ROUND_HALF_UP, Decimal

from wallets.models import Account

NOTHING, CENT, HUNDRED = Decimal("0.00"), Decimal("0.01"), Decimal(100)
POCKETS = (Account.AVAILABLE, Account.ELECTRICITY, Account.WATER, Account.SOLAR)
POCKET = {
    "": Account.AVAILABLE,
    "electricity": Account.ELECTRICITY,
    "water": Account.WATER,
    "solar": Account.SOLAR,
}
REVENUE = {
    "electricity": Account.REVENUE_ELECTRICITY,
    "water": Account.REVENUE_WATER,
    "solar": Account.REVENUE_SOLAR,
}
METHOD = {
    "eft": Account.CLEARING_EFT,
    "card": Account.CLEARING_CARD,
    "instant_eft": Account.CLEARING_INSTANT_EFT,
    "cash": Account.CLEARING_CASH,
    "adjustment": Account.ADJUSTMENTS,
    "system": Account.CLEARING_SYSTEM,
}

type Held = dict[Account, Decimal]
type Moves = dict[tuple[Account, Account], Decimal]


class NoSuchAmount(ValueError):
    """No amount before VAT comes to this one."""


def paid_in(
    held: Held, amount: Decimal, *, source: Account, pocket: Account, recovery_percent: Decimal
) -> Moves:
    """Water debt first, then arrears up to a share of what is paid, then the pocket."""
    to_water = min(amount, max(-held[Account.WATER], NOTHING))
    share = cents(amount * recovery_percent / HUNDRED)
    to_arrears = min(amount - to_water, held[Account.ARREARS], share)
    moves = {(source, Account.WATER): to_water, (source, Account.ARREARS): to_arrears}
    rest = amount - to_water - to_arrears
    moves[source, pocket] = moves.get((source, pocket), NOTHING) + rest
    return moves


def bought(amount: Decimal, utility: str) -> Moves:
    return {(Account.AVAILABLE, POCKET[utility]): amount}


def charged(held: Held, amount: Decimal, vat: Decimal, utility: str) -> Moves:
    """The pocket, what is available, then debt; less than nothing pays debt, then is available."""
    pocket, revenue = POCKET[utility], REVENUE[utility]
    owed_in = Account.WATER if utility == "water" else Account.ARREARS
    moves: Moves = {}
    if amount > 0:
        own = min(amount, max(held[pocket], NOTHING))
        free = min(amount - own, held[Account.AVAILABLE])
        moves[pocket, revenue] = own
        moves[Account.AVAILABLE, revenue] = free
        moves[owed_in, revenue] = moves.get((owed_in, revenue), NOTHING) + amount - own - free
    else:
        debt = max(-held[Account.WATER], NOTHING) if utility == "water" else held[Account.ARREARS]
        cleared = min(-amount, debt)
        moves[revenue, owed_in] = cleared
        moves[revenue, Account.AVAILABLE] = -amount - cleared
    if vat > 0:
        moves[revenue, Account.VAT_OUTPUT] = vat
    else:
        moves[Account.VAT_OUTPUT, revenue] = -vat
    return moves


def paid_back(amount: Decimal, method: str) -> Moves:
    return {
        (Account.AVAILABLE, Account.REFUNDS): amount,
        (Account.REFUNDS, METHOD[method]): amount,
    }


def adjusted(held: Held, amount: Decimal, *, recovery_percent: Decimal) -> Moves:
    """Given like money paid in, taken from what is available alone."""
    if amount < 0:
        return {(Account.AVAILABLE, Account.ADJUSTMENTS): -amount}
    return paid_in(
        held,
        amount,
        source=Account.ADJUSTMENTS,
        pocket=Account.AVAILABLE,
        recovery_percent=recovery_percent,
    )


def closed(held: Held, method: str) -> Moves:
    """What is held pays what is owed; then both leave the wallet, paid back or to their owner."""
    moves: Moves = {}
    left = {pocket: max(held[pocket], NOTHING) for pocket in POCKETS}
    owed_in = {Account.WATER: max(-held[Account.WATER], NOTHING)}
    for debt, owed in (owed_in | {Account.ARREARS: held[Account.ARREARS]}).items():
        rest = owed
        for pocket in POCKETS:
            share = min(left[pocket], rest)
            moves[pocket, debt] = share
            left[pocket] -= share
            rest -= share
        moves[Account.FORMER_RESIDENTS, debt] = rest
    for pocket, amount in left.items():
        moves[pocket, Account.REFUNDS if method else Account.FORMER_RESIDENTS] = amount
    if method:
        moves[Account.REFUNDS, METHOD[method]] = sum(left.values(), NOTHING)
    return moves


def served(held: Held, amount: Decimal, vat_percent: Decimal) -> Moves:
    """What is available, then arrears; VAT is within the amount."""
    free = min(amount, held[Account.AVAILABLE])
    return {
        (Account.AVAILABLE, Account.SERVICE_CHARGES): free,
        (Account.ARREARS, Account.SERVICE_CHARGES): amount - free,
        (Account.SERVICE_CHARGES, Account.VAT_OUTPUT): cents(
            amount * vat_percent / (HUNDRED + vat_percent)
        ),
    }


def opposite(held: Held, moves: Moves, *, override: bool) -> Moves:
    """The opposite; by override what the wallet no longer holds is owed."""
    made: Moves = {}
    for (debit, credit), amount in moves.items():
        shares = _owed(held, credit, debit, amount) if override else {(credit, debit): amount}
        for pair, share in shares.items():
            made[pair] = made.get(pair, NOTHING) + share
    return made


def _owed(held: Held, debit: Account, credit: Account, amount: Decimal) -> Moves:
    between_pockets = debit in POCKETS and credit in POCKETS
    if debit in POCKETS and debit is not Account.WATER and not between_pockets:
        own = min(amount, held[debit])
        free = NOTHING
        if debit is not Account.AVAILABLE:
            free = min(amount - own, held[Account.AVAILABLE])
        shares: Moves = {(debit, credit): own, (Account.ARREARS, credit): amount - own - free}
        shares[Account.AVAILABLE, credit] = shares.get((Account.AVAILABLE, credit), NOTHING) + free
        return shares
    if credit is Account.ARREARS:
        owed = min(amount, held[Account.ARREARS])
        return {(debit, Account.ARREARS): owed, (debit, Account.AVAILABLE): amount - owed}
    return {(debit, credit): amount}


def vat_in(total: Decimal, percent: Decimal) -> Decimal:
    """
    The VAT in the total of a bill, of which there is one: a higher net has a higher total.

    :raises NoSuchAmount: if VAT on no amount comes to that total.
    """
    about = cents(total * HUNDRED / (HUNDRED + percent))
    for net in (about, about - CENT, about + CENT):
        if net + cents(net * percent / HUNDRED) == total:
            return total - net
    raise NoSuchAmount(f"VAT of {percent} % on no amount of cents comes to R{total}.")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
