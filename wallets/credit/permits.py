"""Whether a command may leave now: every guard asked again, on rows that stand still meanwhile."""

from datetime import datetime

from django.db import connection, transaction

from meters.control.sending import Verdict
from meters.models import Command
from wallets.credit import supplies
from wallets.credit.policy import Action, Decision, Facts, decide

# Money that is being paid in, a flag or a setting that is being changed is waited for. Cuts of an
# estate are judged one after another, so that each sees those before it.
STAND_STILL = """
SELECT pg_advisory_xact_lock(hashtextextended('cuts of ' || meter.estate_id, 0))
FROM meters_meter AS meter WHERE meter.id = %(meter)s
"""
HOLD = """
SELECT FROM meters_installation AS installation
JOIN units_unit AS unit ON unit.id = installation.unit_id
JOIN wallets_wallet AS wallet ON wallet.unit_id = unit.id
JOIN estates_estatesettings AS settings ON settings.estate_id = unit.estate_id
WHERE installation.meter_id = %(meter)s AND installation.ends_at IS NULL
FOR SHARE OF wallet, unit, settings
"""
HOLD_SWITCH = "SELECT FROM wallets_creditswitch FOR SHARE"


@transaction.atomic
def permit(command: Command, now: datetime) -> Verdict:
    """Why a command must not leave now, if so, and what the guards saw."""
    if command.action == Command.Action.DISCONNECT:
        _hold(command)
    found = supplies.facts(now=now, meter_ids=[command.meter_id], sending=command.pk)
    if not found:
        return Verdict("The meter hangs at no unit with a wallet.")
    (facts,) = found
    decision = decide(facts, now=now)
    return Verdict(_refusal(command, facts, decision), decision.trace)


def _hold(command: Command) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STAND_STILL, {"meter": command.meter_id})
        cursor.execute(HOLD, {"meter": command.meter_id})
        cursor.execute(HOLD_SWITCH)


def _refusal(command: Command, facts: Facts, decision: Decision) -> str:
    if command.cause == Command.Cause.PERSON:
        is_cut = command.action == Command.Action.DISCONNECT
        return "The supply is protected." if is_cut and facts.protected else ""
    if command.cause == Command.Cause.RECONCILIATION:
        is_used_up = facts.credit <= 0 and facts.free_left == 0 and facts.automatic
        return "The credit is used up." if is_used_up else ""
    if command.action == Command.Action.RECONNECT:
        enough = facts.credit >= facts.activation_minimum or facts.free_left > 0
        return "" if enough else f"R{facts.credit} no longer restores the supply."
    if decision.is_permitted and decision.action == Action.DISCONNECT:
        return ""
    return " ".join(check.says for check in decision.refused_by or decision.checks)
