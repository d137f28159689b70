"""Settings for a developer's machine and the demo: `make dev`."""

from quantify.settings.base import *  # noqa: F403
from quantify.settings.environment import env

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="only-for-development-" + "x" * 40)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
WHITENOISE_USE_FINDERS = True
ENVIRONMENT_LABEL = "Demo"
CRASH_AT = env.str("CRASH_AT", default="")
SEALING_SECRETS = env.list(
    "SEALING_SECRETS", default=["b25seS1mb3ItZGV2ZWxvcG1lbnQtYW5kLXRlc3RzISE="]
)
