from django.apps import AppConfig


class EstatesConfig(AppConfig):
    name = "estates"
    verbose_name = "Estates"

    def ready(self) -> None:
        from estates import membership_events  # noqa: F401 - it listens
