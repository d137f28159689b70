"""From the conditions that a device reports to alerts: raised once, resolved when they end."""

from datetime import datetime

from meters import alerts
from meters.alerts import Kind, Notice, Severity, Source
from meters.lorawan.observation import Flag, Observation
from meters.models.alerts import MeterAlert
from meters.models.devices import Meter

BATTERY_LOW, BATTERY_WELL = 10, 20
"""Percent: raised below the first, resolved from the second on."""

MEANING: dict[Flag, tuple[MeterAlert.Kind, MeterAlert.Severity, str]] = {
    Flag.BURST: (Kind.BURST, Severity.CRITICAL, "The meter reports a burst pipe."),
    Flag.LEAK: (Kind.LEAK, Severity.WARNING, "The meter reports a leak: water never stands still."),
    Flag.FLOW_TIMEOUT: (Kind.LEAK, Severity.WARNING, "Water has been running without a pause."),
    Flag.BACKFLOW: (Kind.BACKFLOW, Severity.WARNING, "Water flows back through the meter."),
    Flag.EMPTY_PIPE: (Kind.EMPTY_PIPE, Severity.WARNING, "There is no water in the pipe."),
    Flag.OUTAGE: (Kind.EMPTY_PIPE, Severity.WARNING, "No water has run for the time that was set."),
    Flag.LOW_BATTERY: (Kind.LOW_BATTERY, Severity.WARNING, "The battery is low: replace it."),
    Flag.PERMANENT_ERROR: (
        Kind.DEVICE_ERROR,
        Severity.ERROR,
        "The device reports a permanent error: replace it.",
    ),
    Flag.TEMPORARY_ERROR: (
        Kind.DEVICE_ERROR,
        Severity.WARNING,
        "The device reports a temporary error.",
    ),
    Flag.LOW_TEMPERATURE: (
        Kind.DEVICE_ERROR,
        Severity.INFO,
        "The water is close to freezing.",
    ),
}


def apply(meter: Meter, told: Observation, *, at: datetime) -> None:
    """Raise alerts for what a device reports, and resolve those whose conditions have ended."""
    raised = {MEANING[flag] for flag in sorted(told.raised, key=list(MEANING).index)}
    kinds = {kind for kind, _, _ in raised}
    ended = {MEANING[flag][0] for flag in told.told} - kinds
    if told.battery_percent is not None and Flag.LOW_BATTERY not in told.told:
        if told.battery_percent < BATTERY_LOW:
            words = f"The battery is at {told.battery_percent} %: replace it."
            raised.add((Kind.LOW_BATTERY, Severity.WARNING, words))
        elif told.battery_percent >= BATTERY_WELL:
            ended.add(Kind.LOW_BATTERY)
    order = list(Severity)
    worst_first = sorted(raised, key=lambda one: order.index(one[1]), reverse=True)
    alerts.raise_all((Notice(meter.pk, *one) for one in worst_first), now=at)
    for kind in sorted(ended):
        alerts.resolve(meter_ids=[meter.pk], kind=kind, now=at, source=Source.METER)
