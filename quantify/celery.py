"""The Celery application: every app's `tasks.py`, scheduled by `CELERY_BEAT_SCHEDULE`."""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.dev")

app = Celery("quantify")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _log_as_the_web_does(**_: Any) -> None:
    dictConfig(settings.LOGGING)
