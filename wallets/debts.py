"""Telling residents that they owe for water: it is never closed, and a top-up clears it first."""

from datetime import datetime

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from units import recipients
from wallets.models import Wallet

EVENT = Notification.Event.WATER_IN_DEBT


def tell(*, now: datetime) -> int:
    """Owe a message to each home whose water is in debt, once in a calendar week; how many."""
    wallets = Wallet.objects.filter(
        water__lt=0, unit__deleted_at=None, unit__estate__deleted_at=None
    )
    year, week, _ = now.isocalendar()
    pairs = [
        (
            wallet.unit_id,
            Message(
                event=EVENT, subject_key=f"wallet:{wallet.pk}",
                once_key=f"{EVENT}:{wallet.pk}:{year}-{week:02}",
                text=f"Unit {wallet.unit.unit_number}: R{-wallet.water} is owed for water. "
                "The next top-up clears it first.",
                scope=wallet.unit.estate_id, values={"debt": f"R{-wallet.water}"},
            ),
        )
        for wallet in wallets.select_related("unit")
    ]  # fmt: skip
    return outbox.enqueue(recipients.addressed(pairs, now=now), now=now)
