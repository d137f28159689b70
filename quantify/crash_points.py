"""
The moments between two steps at which the tests end a process, as a power cut would.

`CRASH_AT` names one of them. Only the settings of the tests and of a developer's machine read it;
everywhere else it is empty, and to pass a point is to compare two strings.
"""

import os
import signal
from enum import StrEnum

from django.conf import settings


class Point(StrEnum):
    """Where a crash would find half of something done."""

    BEFORE_LEDGER_WRITE = "before_ledger_write"
    AFTER_LEDGER_WRITE = "after_ledger_write"
    BEFORE_LEDGER_COMMIT = "before_ledger_commit"
    BEFORE_WAKEUP = "before_wakeup"
    CHARGES_POSTED = "charges_posted"
    BILLS_STORED = "bills_stored"
    COUNTERS_RESERVED = "counters_reserved"
    COUNTERS_USED = "counters_used"
    READINGS_STORED = "readings_stored"
    COMMAND_CLAIMED = "command_claimed"
    COMMAND_LEAVING = "command_leaving"
    ORDER_QUEUED = "order_queued"
    COMMAND_ANSWERED = "command_answered"
    RELAY_NOTED = "relay_noted"
    CONCLUSION_WRITTEN = "conclusion_written"
    COMMAND_CONCLUDED = "command_concluded"
    MESSAGE_CLAIMED = "message_claimed"
    MESSAGE_LEAVING = "message_leaving"
    MESSAGE_SENT = "message_sent"


def reach(point: Point) -> None:
    """Go on, unless this is the point at which to crash."""
    if point == settings.CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
