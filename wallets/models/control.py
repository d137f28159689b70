"""What stops credit control."""

from django.conf import settings
from django.db import models
from django.db.models import Value

from quantify.records import Record


class CreditSwitch(Record):
    """The global inhibit switch: while it is on, no supply is cut by itself."""

    is_inhibited = models.BooleanField(default=False)
    reason = models.CharField(max_length=250, blank=True)
    identity = models.CharField(
        max_length=80, blank=True, editable=False,
        help_text="Which database the switch was set in: a restored one is another.",
    )  # fmt: skip
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Value(1), name="one_credit_switch"),
        ]

    def __str__(self) -> str:
        return "Cuts are inhibited" if self.is_inhibited else "Cuts are allowed"
