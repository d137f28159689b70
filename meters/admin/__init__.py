"""Devices, the facts they report, and what is asked of them, in the portal."""

from meters.admin import alerts, control, devices, drift, facts, findings, radio, security

__all__ = ["alerts", "control", "devices", "drift", "facts", "findings", "radio", "security"]
