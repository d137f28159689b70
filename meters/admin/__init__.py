"""Devices, the facts they report, and what is asked of them, in the portal."""

from meters.admin import control, devices, drift, facts, findings, radio, security

__all__ = ["control", "devices", "drift", "facts", "findings", "radio", "security"]
