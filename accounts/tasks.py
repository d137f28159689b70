from celery import shared_task
from django.utils import timezone

from accounts import answers
from accounts.session_store import SessionStore


@shared_task
def forget_old_answers(**_: object) -> None:
    """Delete kept answers whose time is over."""
    answers.forget_old(now=timezone.now())


@shared_task
def forget_old_sessions(**_: object) -> None:
    """Delete sessions of the portal whose time is over."""
    SessionStore.clear_expired()
