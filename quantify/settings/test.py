"""Settings for the tests: real PostgreSQL and Valkey, cheap password hashes, mail in memory."""

import os

os.environ.setdefault("DATABASE_URL", os.environ.get("TEST_DATABASE_URL", ""))

from quantify.settings.base import *  # noqa: F403
from quantify.settings.base import CACHES, DATABASES, REDIS_URL, THROTTLES
from quantify.settings.environment import env

SECRET_KEY = "only-for-tests-" + "x" * 40
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
# What limits is tested by its own tests; the others ask as often as they need.
THROTTLES = dict.fromkeys(THROTTLES, "100000/1")
WHITENOISE_USE_FINDERS = True
# Looked for when they are asked for: every client of a test would list them all, for 20 ms.
WHITENOISE_AUTOREFRESH = True
CRASH_AT = env.str("CRASH_AT", default="")
DATABASES["default"]["OPTIONS"].pop("pool")
# Each process of a parallel run empties its own Valkey database, not its neighbours'.
_server, _, _number = REDIS_URL.rpartition("/")
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_URL = f"{_server}/{int(_number or 0) + _process}"
CACHES["default"]["LOCATION"] = REDIS_URL
CELERY_BROKER_URL = REDIS_URL
SEALING_SECRETS = env.list(
    "SEALING_SECRETS", default=["b25seS1mb3ItZGV2ZWxvcG1lbnQtYW5kLXRlc3RzISE="]
)
