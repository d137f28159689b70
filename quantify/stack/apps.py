"""The embedded servers as a Django application: it brings `manage.py up`."""

from django.apps import AppConfig


class StackConfig(AppConfig):
    name = "quantify.stack"
    label = "stack"
