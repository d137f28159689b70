"""How a movement of money is answered, whoever asked for it."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from quantify.api import idempotency
from quantify.api.views import told
from wallets.api import transactions
from wallets.api.serializers import MovedSerializer
from wallets.ledger import Posted
from wallets.models import Transaction

IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The same key and body give the same answer; another body is refused.",
)


def moved(posted: Posted, shape: type[MovedSerializer], **more: Any) -> Response:
    """Answer a movement of money by what was posted, so that a replay answers the same."""
    rows = transactions.shaped(Transaction.objects.all())
    transaction = rows.get(pk=posted.transaction.pk)
    answer = {"transaction": transaction, "balance": transaction.balance_after, **more}
    return told(
        shape(answer).data,
        HTTPStatus.CREATED,
        {
            "Location": f"/api/v1/transactions/{transaction.pk}",
            **idempotency.replayed_header(replayed=posted.replayed),
        },
    )
