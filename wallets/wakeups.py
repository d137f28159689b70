"""
Waking the workers when money came in, so that a supply is back within a second.

Only a shortcut: what it would start is found in the database by the periodic run as well.
"""

import logging
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from quantify.crash_points import Point, reach

log = logging.getLogger(__name__)


def credit_changed(wallet_id: UUID) -> None:
    """Let credit control look at a wallet as soon as the database transaction commits."""
    transaction.on_commit(partial(_send, wallet_id), robust=True)


def _send(wallet_id: UUID) -> None:
    reach(Point.BEFORE_WAKEUP)
    try:
        current_app.send_task(
            "wallets.tasks.control_credit", kwargs={"wallet_id": str(wallet_id)}, retry=False
        )
    except OperationalError:
        log.warning("The queue does not answer; credit control will find the wallet by itself.")
