"""Taking a unit out of use, once nothing of it is left where nobody would see it."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from meters.models import Installation
from quantify.periods import local_day
from units.models import Unit
from wallets import ledger
from wallets.models import Wallet
from wallets.pockets import POCKET_ACCOUNTS


class UnitInUse(Exception):
    """Somebody lives there, a meter hangs there, or its wallet is not at zero."""


def retire(*, unit_id: UUID, at: datetime) -> None:
    """
    Archive a unit in which nobody lives, at which no meter hangs and whose wallet is at zero.

    :raises UnitInUse: naming all that is not so, and what to do about it. Of people, meters and
        money it names no more, for who deletes units need not see them.
    :raises ledger.LedgerBusy: if the unit or its wallet stayed locked.
    """
    with ledger.waiting_briefly():
        # Against moving in and installing, and then against payments.
        locked = Unit.objects.select_for_update(of=("self",)).select_related("estate")
        unit = locked.get(pk=unit_id)
        ledger.lock(Wallet.objects.filter(unit=unit).values_list("pk", flat=True))
        if reasons := " ".join(_uses(unit, at)):
            raise UnitInUse(f"{unit} cannot be deleted. {reasons}")
        unit.deleted_at = at
        unit.save(update_fields=["deleted_at", "updated_at"])


def _uses(unit: Unit, at: datetime) -> Iterator[str]:
    if unit.occupancies.ending_after(local_day(at, unit.estate.zone)).exists():
        yield "Somebody lives there or owns it, or is going to: end the occupancy first."
    if Installation.objects.filter(unit=unit, ends_at=None).exists():
        yield "A meter hangs there: remove it with its closing register first."
    wallet = Wallet.objects.get(unit=unit)
    pockets = [getattr(wallet, name) for name in POCKET_ACCOUNTS.values()]
    if any(pocket > 0 for pocket in pockets):
        yield "Money is in its wallet: pay it back first."
    if wallet.arrears or any(pocket < 0 for pocket in pockets):
        yield "Money is owed: settle it first."
