"""The portal's formats for its templates."""

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils.safestring import SafeString

from quantify.portal import formats

register = template.Library()


@register.filter
def money(amount: Decimal | None) -> SafeString | str:
    return formats.money(amount)


@register.filter
def kilo(base: int | None, unit: str) -> SafeString | str:
    """Whole Wh or litres in kWh or kl: `{{ quantity|kilo:"kWh" }}`."""
    return formats.quantity(base, unit)


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    return formats.moment(at)


@register.filter
def chip(text: str, look: str) -> SafeString:
    return formats.chip(text, look)


@register.filter
def words(name: str) -> str:
    """A name of the data as a person reads it: `off_peak` as `off peak`."""
    return name.replace("_", " ")
