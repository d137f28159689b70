"""How a movement of money is answered, whoever asked for it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from rest_framework.response import Response

from quantify.api import idempotency
from quantify.api.headers import LOCATION
from quantify.api.views import told
from wallets.api import transactions
from wallets.api.serializers import MovedSerializer, ToppedUpSerializer
from wallets.ledger import Posted
from wallets.models import Transaction, Wallet
from wallets.pockets import POCKET_ACCOUNTS
from wallets.topups import Part

IDEMPOTENCY_KEY = idempotency.parameter(
    "The same key and body give the same answer; another body is refused."
)


def moved(posted: Posted, shape: type[MovedSerializer], **more: Any) -> Response:
    """Answer a movement of money by what was posted, so that a replay answers the same."""
    rows = transactions.shaped(Transaction.objects.all())
    transaction: Any = rows.get(pk=posted.transaction.pk)
    # What reversed it since was not in the first answer.
    transaction.reversal = None
    answer = {"transaction": transaction, "balance": transaction.balance_after, **more}
    return told(
        shape(answer).data,
        HTTPStatus.CREATED,
        {
            LOCATION: f"/api/v1/transactions/{transaction.pk}",
            **idempotency.replayed_header(replayed=posted.replayed),
        },
    )


def previewed(wallet: Wallet, parts: Sequence[Part]) -> Response:
    """Answer how money would be divided, and the balance that it would make."""
    balance = wallet.balance + sum(part.amount for part in parts if _stays(part))
    answer = {"transaction": None, "balance": balance, "split": parts}
    return told(ToppedUpSerializer(answer).data)


def _stays(part: Part) -> bool:
    """Whether a share stays in the wallet rather than pays arrears."""
    return part.account in POCKET_ACCOUNTS
