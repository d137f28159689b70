"""The ways out of the house: mail, SMS, push."""

from typing import Any

from quantify.settings.environment import env

MAILERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="quantify@localhost")
# SMS and push have no provider yet: name an adapter of `notifications.channels.Channel` here.
NOTIFICATION_CHANNELS: dict[str, str] = {
    "email": "notifications.channels.email.Email",
    "sms": env.str("SMS_CHANNEL", default="notifications.channels.unconfigured.Unconfigured"),
    "push": env.str("PUSH_CHANNEL", default="notifications.channels.unconfigured.Unconfigured"),
}
