"""What every stored record shares: an id, its two times, and being archived instead of deleted."""

from django.db import models
from django.db.models.functions import UUID7, Now

from quantify.ids import uuid7


class Record(models.Model):
    """A row with a time-sorted UUID that the API may show."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUID7(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now(), editable=False)

    class Meta:
        abstract = True


class Archivable(Record):
    """A record a person may delete and restore; facts that hang on it stay."""

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
