"""Alerts: raised once while a cause lasts, escalated, resolved by themselves or by a person."""

from meters.alerts.life import Notice, raise_all, raise_once, resolve
from meters.models.alerts import MeterAlert

Kind, Severity, State, Source = (
    MeterAlert.Kind, MeterAlert.Severity, MeterAlert.State, MeterAlert.Source,
)  # fmt: skip

__all__ = [
    "Kind", "Notice", "Severity", "Source", "State", "raise_all", "raise_once", "resolve",
]  # fmt: skip
