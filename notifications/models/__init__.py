"""What is owed to whom, in which words, and over which way."""

from notifications.models.messages import Delivery, Notification, ReadMark
from notifications.models.people import Device, RecipientSettings
from notifications.models.templates import Template

__all__ = ["Delivery", "Device", "Notification", "ReadMark", "RecipientSettings", "Template"]
