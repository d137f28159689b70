"""What recipients choose, and where their devices are reached."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from accounts.models import User
from accounts.scoping import is_known
from quantify.records import Record


class OwnQuerySet(models.QuerySet):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """One's own; nobody else's, whatever the role."""
        return self.filter(user=user) if is_known(user) else self.none()


class Device(Record):
    """A device that a person lets us push messages to."""

    class Platform(models.TextChoices):
        FCM = "fcm", "Firebase (Android, web)"
        APNS = "apns", "Apple"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices", editable=False
    )
    platform = models.CharField(max_length=5, choices=Platform)
    token = models.CharField(max_length=500)
    name = models.CharField(max_length=80, blank=True)

    objects = OwnQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "token"],
                name="device_token_unique",
                violation_error_code="duplicate",
                violation_error_message="This device is registered.",
            ),
            models.CheckConstraint(condition=~models.Q(token=""), name="device_token_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name or self.get_platform_display()


class RecipientSettings(Record):
    """
    In which language a recipient is written to, and what they do not want.

    `off` lists `event/channel`. Without a row everything is sent, in English.
    """

    recipient_key = models.CharField(max_length=60, unique=True)
    language = models.CharField(max_length=5, default="en")
    off = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "recipient settings"

    def __str__(self) -> str:
        return self.recipient_key
