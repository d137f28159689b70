"""Telling residents that the statement of the month that is over can be read."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import batched

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from quantify.periods import first_of_month, local_day, previous_month
from units import recipients
from wallets.models import Wallet

EVENT = Notification.Event.STATEMENT_READY
DAYS = 7
"""How far into a month the last one is still told of, after an outage too."""
AT_ONCE = 1000


def tell(*, now: datetime) -> int:
    """Owe a message to each home that somebody lives in, once for each month; how many."""
    today = local_day(now)
    if today.day > DAYS:
        return 0
    month = previous_month(first_of_month(today))
    told = 0
    for wallets in batched(_wallets(), AT_ONCE, strict=False):
        pairs = [(wallet.unit_id, _message(wallet, month)) for wallet in wallets]
        messages = recipients.addressed(pairs, now=now)
        told += outbox.enqueue([one for one in messages if one.recipients], now=now)
    return told


def _wallets() -> Iterator[Wallet]:
    wallets = Wallet.objects.filter(unit__deleted_at=None, unit__estate__deleted_at=None)
    return wallets.select_related("unit").order_by("pk").iterator(AT_ONCE)


def _message(wallet: Wallet, month: date) -> Message:
    return Message(
        event=EVENT, subject_key=f"wallet:{wallet.pk}",
        once_key=f"{EVENT}:{wallet.pk}:{month:%Y-%m}",
        text=f"Unit {wallet.unit.unit_number}: the statement of {month:%B %Y} is ready.",
        scope=wallet.unit.estate_id, values={"month": f"{month:%B %Y}"},
    )  # fmt: skip
