from celery import shared_task
from django.utils import timezone

from accounts import answers


@shared_task
def forget_old_answers(**_: object) -> None:
    """Delete kept answers whose time is over."""
    answers.forget_old(now=timezone.now())
