"""Bounds of a field's values, which forms, the API and its document know by the same words."""

from decimal import Decimal

from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator


def between(lowest: int | Decimal, highest: int | None = None) -> list[BaseValidator]:
    """Validators of values from the lowest on, and to the highest if there is one."""
    bounds: list[BaseValidator] = [MinValueValidator(lowest)]
    return bounds if highest is None else [*bounds, MaxValueValidator(highest)]
