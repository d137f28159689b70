"""
Noticing that the database was restored from a backup, so that nobody is cut by what was true then.

A database says who it is: the identifier of its cluster, its timeline (recovery to a point in
time begins a new one), and its own number in the cluster (a dump is loaded into another). A copy of
the files says the same as the original, but its log is shorter than what was seen of it before;
how far that was is kept outside, in the cache.
"""

import logging
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction

from notifications import outbox
from notifications.models import Notification
from notifications.outbox import Message
from wallets.models import CreditSwitch

log = logging.getLogger(__name__)

SEEN = "wallets:log-seen"
REASON = (
    "The database was restored or moved. Look at the payments since the backup, then allow cuts."
)
IDENTITY = """
SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || oid
FROM pg_control_system(), pg_database WHERE datname = current_database()
"""
WRITTEN = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"


def is_inhibited() -> bool:
    """Whether cuts are inhibited: by a person, or because this is not the database it was."""
    switch = CreditSwitch.objects.first()
    return switch is not None and (switch.is_inhibited or switch.identity not in {"", identity()})


def identity() -> str:
    """Which database this is."""
    return str(_value(IDENTITY))


def watch(*, now: datetime) -> bool:
    """Turn the inhibit switch on if the database was restored; answer whether it was."""
    here, is_older = identity(), _is_older()
    with transaction.atomic():
        switch = CreditSwitch.objects.select_for_update().first()
        if switch is None:
            CreditSwitch.objects.get_or_create(defaults={"identity": here})
            return False
        restored = is_older or switch.identity not in {"", here}
        if not restored and switch.identity:
            return False
        switch.identity = here
        if restored:
            switch.is_inhibited, switch.reason, switch.changed_by = True, REASON, None
            _alarm(now)
        switch.save()
    return restored


def _is_older() -> bool:
    """Whether less was written to the log than was seen of it before; takes note of what is."""
    # Asked in this order: what was seen before can only be less than what is written now.
    seen = cache.get(SEEN)
    written = int(_value(WRITTEN))
    cache.set(SEEN, written, timeout=None)
    return seen is not None and written < seen


def _alarm(now: datetime) -> None:
    log.critical(REASON)
    event = Notification.Event.CUTS_STOPPED
    message = Message(
        event=event, subject_key="restore", once_key=f"{event}:restore:{now:%Y-%m-%dT%H}",
        text=f"No supply is cut by itself. {REASON}",
    )  # fmt: skip
    outbox.enqueue([message], now=now)


def _value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]
