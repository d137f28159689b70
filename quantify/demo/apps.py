from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "quantify.demo"
    label = "demo"
