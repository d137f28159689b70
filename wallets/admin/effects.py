"""What a transaction did, posting by posting, in words."""

from collections.abc import Iterable, Iterator

from quantify.portal import formats
from wallets.models import Account, Posting
from wallets.pockets import POCKET_ACCOUNTS


def effects(postings: Iterable[Posting]) -> list[str]:
    """Sentences such as: R 30.00 was taken from available; R 20.00 became arrears."""
    return [
        f"{formats.money_text(posting.amount)} {words}."
        for posting in postings
        for words in _words(Account(posting.debit), Account(posting.credit))
    ]


def _words(debit: Account, credit: Account) -> Iterator[str]:
    if debit == Account.ARREARS:
        yield "became arrears"
    elif debit in POCKET_ACCOUNTS:
        yield f"was taken from {POCKET_ACCOUNTS[debit]}"
    if credit == Account.ARREARS:
        yield "cleared arrears"
    elif credit in POCKET_ACCOUNTS:
        yield f"went to {POCKET_ACCOUNTS[credit]}"
    if debit == Account.REFUNDS:
        yield f"was paid back by {credit.label.removeprefix('Clearing: ')}"
    elif debit == Account.SERVICE_CHARGES and credit == Account.VAT_OUTPUT:
        yield "of it is VAT"
