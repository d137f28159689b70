"""How the portal writes money, quantities, times and states: one place, so that all pages agree."""

from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from quantify.quantities import Utility, format_kilo

NOTHING = "\u2013"
THIN = "\u00a0"

CHIPS = frozenset({"success", "warning", "danger", "info", "muted"})


def money_text(amount: Decimal) -> str:
    """Write rand as `R 1 234.56`; a negative amount carries its minus in front."""
    digits = f"{abs(amount):,.2f}".replace(",", THIN)
    return f"{'-' if amount < 0 else ''}R{THIN}{digits}"


def money(amount: Decimal | None) -> SafeString | str:
    """Money for a cell: right-aligned figures, negative amounts red as well as signed."""
    if amount is None:
        return NOTHING
    look = "q-money q-negative" if amount < 0 else "q-money"
    return format_html('<span class="{}">{}</span>', look, money_text(amount))


def unit_of(kind: str) -> str:
    """The unit a meter kind or utility is shown in: kWh or kl."""
    return Utility(kind.removeprefix("bulk_")).unit


def quantity_text(base: int, unit: str) -> str:
    """Write whole Wh or litres as `1 234.500 kWh`."""
    whole, _, decimals = format_kilo(abs(base)).partition(".")
    sign = "-" if base < 0 else ""
    figures = f"{sign}{int(whole):,}".replace(",", THIN) + f".{decimals}"
    return f"{figures}{THIN}{unit}" if unit else figures


def quantity(base: int | None, unit: str) -> SafeString | str:
    if base is None:
        return NOTHING
    return format_html('<span class="q-number">{}</span>', quantity_text(base, unit))


def ago(at: datetime, now: datetime) -> str:
    """How far an instant lies from another, in the largest unit: `3 hours ago`, `in 2 days`."""
    if abs(now - at) < timedelta(minutes=1):
        return "just now"
    if at > now:
        return f"in {timeuntil(at, now, depth=1)}"
    return f"{timesince(at, now, depth=1)} ago"


def moment(at: datetime | None) -> SafeString | str:
    """A local time with a hint of how long ago it was."""
    if at is None:
        return NOTHING
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" class="q-nowrap">{}</time> <span class="q-hint">{}</span>',
        local.isoformat(),
        f"{local:%Y-%m-%d %H:%M}",
        ago(at, timezone.now()),
    )


def chip(text: str, look: str = "muted") -> SafeString:
    """A state as coloured text: the words carry the meaning, the colour only repeats it."""
    return format_html('<span class="q-chip q-chip-{}">{}</span>', look, text)


def link(url: str, text: object) -> SafeString:
    return format_html('<a href="{}" class="text-link">{}</a>', url, text)
