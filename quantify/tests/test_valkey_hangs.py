"""A Valkey that takes connections and never answers, as behind a broken network."""

import socket
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from wallets import wakeups

FAR_TOO_LONG = 60


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def ends(work: Callable[[], object]) -> bool:
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(FAR_TOO_LONG)
    return not thread.is_alive()


def test_is_given_up_by_the_cache(silent: str) -> None:
    cache = RedisCache(silent, {"OPTIONS": settings.CACHES["default"]["OPTIONS"]})
    raised = []

    def ask() -> None:
        try:
            cache.get("anything")
        except RedisError as error:
            raised.append(error)

    assert ends(ask)
    assert raised


def test_keeps_no_payment_waiting(
    silent: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    queue = Celery(broker=silent, set_as_current=False)
    queue.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    monkeypatch.setattr(wakeups, "current_app", queue)

    assert ends(lambda: wakeups._send(uuid4()))

    assert "The queue does not answer" in caplog.text
