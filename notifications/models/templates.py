"""The words of messages, which people may change."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from accounts.models import User
from accounts.scoping import EstateScopedQuerySet, estates_of, is_known
from notifications.models.messages import Notification
from notifications.placeholders import objection
from quantify.records import Record


class TemplateQuerySet(EstateScopedQuerySet):
    estate_path = ""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Those of every estate, and those of estates the person works for."""
        if not is_known(user) or user.is_resident:
            return self.none()
        estates = estates_of(user)
        return self if estates is None else self.filter(Q(scope=None) | Q(scope__in=estates))

    def editable_by(self, user: "User | AnonymousUser") -> Self:
        """An estate's own; those of every estate belong to super admins."""
        rows = self.visible_to(user)
        return rows if is_known(user) and user.is_super_admin else rows.exclude(scope=None)


class Template(Record):
    """
    What is written about an event, in one language: by e-mail and in the app, and in short.

    An estate's own goes before the one of every estate. `{placeholders}` are replaced by values and
    nothing else: a text can run nothing.
    """

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        AFRIKAANS = "af", "Afrikaans"
        ZULU = "zu", "isiZulu"
        XHOSA = "xh", "isiXhosa"

    scope = models.UUIDField(
        "estate", null=True, blank=True, help_text="Empty: for every estate without its own."
    )
    event = models.CharField(max_length=24, choices=Notification.Event)
    language = models.CharField(max_length=5, choices=Language, default=Language.ENGLISH)
    subject = models.CharField(max_length=150)
    body = models.TextField(max_length=4000)
    short = models.CharField("SMS and push", max_length=320)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "event", "language"],
                nulls_distinct=False,
                name="one_template_per_event_and_language",
                violation_error_code="duplicate",
                violation_error_message="There is a template for this event and language.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} ({self.language})"

    def clean(self) -> None:
        """
        Refuse what could not be replaced.

        :raises django.core.exceptions.ValidationError: for a placeholder that the event does not
            have, or a brace that belongs to none.
        """
        texts = {"subject": self.subject, "body": self.body, "short": self.short}
        found = {field: objection(text, self.event) for field, text in texts.items()}
        errors = {
            field: ValidationError(words, code=code)
            for field, (code, words) in ((name, one) for name, one in found.items() if one)
        }
        if errors:
            raise ValidationError(errors)
