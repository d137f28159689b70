"""The Celery application: every app's `tasks.py`, scheduled by `CELERY_BEAT_SCHEDULE`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantify.settings.dev")

app = Celery("quantify")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
