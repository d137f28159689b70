"""Thanking for money that came in."""

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from units import recipients
from wallets.models import Transaction, Wallet

EVENT = Notification.Event.PAYMENT_RECEIVED


def thank(paid: Transaction) -> None:
    """Owe a message about a payment to the people of the home, in its database transaction."""
    if paid.payment_method == Transaction.Method.ADJUSTMENT:
        return
    unit_id, number = Wallet.objects.values_list("unit_id", "unit__unit_number").get(
        pk=paid.wallet_id
    )
    message = Message(
        event=EVENT, subject_key=f"wallet:{paid.wallet_id}", once_key=f"{EVENT}:{paid.pk}",
        text=f"Unit {number}: R{paid.amount} was received. The balance is R{paid.balance_after}.",
        scope=paid.estate_id,
        values={
            "amount": f"R{paid.amount}", "balance": f"R{paid.balance_after}",
            "reference": paid.reference,
        },
    )  # fmt: skip
    [addressed] = recipients.addressed([(unit_id, message)], now=paid.recorded_at)
    if addressed.recipients:
        outbox.enqueue([addressed], now=paid.recorded_at)
