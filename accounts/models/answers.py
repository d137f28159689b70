"""Answers that are given again to a request that is sent again."""

from django.db import models

from quantify.records import Record


class KeptAnswer(Record):
    """
    What was answered to a request with an `Idempotency-Key`, written with what the request did.

    `key` is a person's own; `digest` knows the request again.
    """

    key = models.CharField(max_length=200, unique=True)
    digest = models.CharField(max_length=64)
    body = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="kept_answer_age")]

    def __str__(self) -> str:
        return f"Answer of {self.created_at:%Y-%m-%d %H:%M}"
