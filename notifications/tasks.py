from celery import shared_task
from django.utils import timezone

from notifications import outbox


@shared_task
def deliver(**_: object) -> None:
    outbox.deliver_due(now=timezone.now())
