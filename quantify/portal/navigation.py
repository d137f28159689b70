"""What the sidebar and the ribbon show besides links."""

from django.conf import settings
from django.http import HttpRequest

from meters.models import MeterAlert


def open_alerts(request: HttpRequest) -> str:
    """How many alerts nobody has taken note of yet; nothing if there are none."""
    alerts = MeterAlert.objects.visible_to(request.user).filter(state=MeterAlert.State.OPEN)
    number = alerts.count()
    return str(number) if number else ""


def environment(request: HttpRequest) -> list[str] | None:
    """The ribbon that tells a demo or a test from the real thing."""
    label = getattr(settings, "ENVIRONMENT_LABEL", "")
    return [label, "warning"] if label else None
