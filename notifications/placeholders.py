"""
What stands in braces in a template: a name, which becomes its value, and nothing else.

There is no expression, no attribute and no call, so that whoever may edit a template can neither
read nor run anything by it. Knows nothing of models.
"""

import re
from collections.abc import Mapping

_HOME = {"unit_number": "A-101", "estate": "Willow Creek", "name": "Thandi Nkosi"}
_MONEY = {**_HOME, "balance": "R12.40"}
SAMPLES: dict[str, dict[str, str]] = {
    "low_balance": {**_MONEY, "lasting": ", which lasts about 2 days"},
    "critical_balance": {**_MONEY, "lasting": ", which lasts less than a day"},
    "disconnection_warning": {**_HOME, "utility": "electricity", "activation_minimum": "R20.00"},
    "disconnected": {**_HOME, "utility": "electricity", "activation_minimum": "R20.00"},
    "reconnected": {**_HOME, "utility": "electricity"},
    "payment_received": {**_MONEY, "amount": "R200.00", "reference": "FNB 88231"},
    "water_in_debt": {**_HOME, "debt": "R35.10"},
    "leak": {**_HOME, "says": "Water ran all night for three nights."},
    "announcement": {
        **_HOME,
        "title": "Water off on Friday",
        "text": "The pump is serviced from 09:00 to 12:00.",
    },
    "statement_ready": {**_HOME, "month": "June 2026"},
    "cuts_stopped": {"text": "10 supplies were cut within 15 minutes."},
    "meter_alert": {"text": "Warning. E-101 is silent."},
    "ledger_difference": {"text": "The ledger differs."},
}
"""Values as they might be; their names are the placeholders an event has."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_LEFT_OVER = re.compile(r"[{}]")


def objection(text: str, event: str) -> tuple[str, str] | None:
    """Why a text could not be filled, as a code and a sentence; nothing if it can."""
    known = SAMPLES.get(event, {})
    unknown = sorted({name for name in _PLACEHOLDER.findall(text) if name not in known})
    if unknown:
        offered = ", ".join(f"{{{name}}}" for name in known)
        return "unknown_placeholder", f"There is no {{{unknown[0]}}} here; use {offered}."
    if _LEFT_OVER.search(_PLACEHOLDER.sub("", text)):
        return "brace", "A brace belongs to no placeholder."
    return None


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its placeholders replaced; a value that is missing leaves nothing."""
    return _PLACEHOLDER.sub(lambda found: _plain(values.get(found[1], "")), text)


def _plain(value: str) -> str:
    """A value without what ends a header or confuses a terminal."""
    return "".join(sign for sign in str(value) if sign.isprintable() or sign == "\n")
