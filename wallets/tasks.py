"""The work of wallets in the background; each task finds what there is to do."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from meters.control import reconciliation, requests
from wallets import accounts, debts
from wallets.billing import closings, differences, runs, stakes
from wallets.credit import control
from wallets.proving import verification
from wallets.statements import ready


@shared_task
def bill(**_: object) -> None:
    """Charge what was metered, then look at the credit that is left."""
    if runs.bill(now=timezone.now()).charged:
        control_credit.delay()


@shared_task
def control_credit(*, wallet_id: str | None = None, **_: object) -> None:
    """Warn, decide, and send what was decided at once."""
    now = timezone.now()
    wallets = [UUID(wallet_id)] if wallet_id else None
    for command in control.run(now=now, wallet_ids=wallets).requested:
        control.send(command.pk, now=timezone.now())


@shared_task
def send_commands(**_: object) -> None:
    """Send what is due: retries, and what a stopped worker left behind."""
    for command_id in requests.due(now=timezone.now()):
        control.send(command_id, now=timezone.now())


@shared_task
def reconcile_relays(**_: object) -> None:
    """Set all relays against how they should stand, and send what is called for."""
    for command in reconciliation.reconcile(now=timezone.now()).requested:
        control.send(command.pk, now=timezone.now())


@shared_task
def price_findings(**_: object) -> None:
    """Put rand beside what the checks of readings found, and beside alerts."""
    now = timezone.now()
    stakes.price_findings(now=now)
    stakes.price_alerts(now=now)


@shared_task
def close_accounts(**_: object) -> None:
    """Sum the accounts of the days that are over."""
    accounts.close(now=timezone.now())


@shared_task
def close_months(**_: object) -> None:
    """Close the months whose time is over, and look what was learned of closed ones."""
    closings.close_due(now=timezone.now())
    differences.look(now=timezone.now())


@shared_task
def tell_of_debts(**_: object) -> None:
    """Tell homes that owe for water."""
    debts.tell(now=timezone.now())


@shared_task
def tell_of_statements(**_: object) -> None:
    """Tell homes that the statement of the last month is there."""
    ready.tell(now=timezone.now())


@shared_task
def verify_ledger(**_: object) -> None:
    """Add the ledger up again, and tell of what does not agree."""
    verification.watch(now=timezone.now())
