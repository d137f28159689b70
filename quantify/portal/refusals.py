"""What the operation behind a save refused, shown in the form as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError

type Refusals = Mapping[type[Exception], str]
"""Errors of an operation, and the field each is about; an empty name stands for the whole form."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was not saved, and the field that it is about."""

    field: str
    error: ValidationError

    def add_to(self, form: forms.BaseForm) -> None:
        """Put the words beside their fields, or above the form if it does not have the field."""
        if hasattr(self.error, "error_dict"):
            for name, errors in self.error.error_dict.items():
                form.add_error(name if name in form.fields else None, errors)
        else:
            form.add_error(self.field if self.field in form.fields else None, self.error)


def refusal_of(error: Exception, known: Refusals) -> Refusal | None:
    """What is to be shown for an error; None if nobody expected it."""
    if isinstance(error, ValidationError):
        return Refusal("", error)
    if isinstance(error, IntegrityError):
        # Rules that only the database can hold, such as two people saving at once.
        reason = str(error.__cause__ or error).partition("\n")[0]
        return Refusal("", ValidationError(f"The database refused it: {reason}"))
    for kind, field in known.items():
        if isinstance(error, kind):
            return Refusal(field, ValidationError(str(error)))
    return None


def refused(form_class: type[Any], refusal: Refusal) -> type[Any]:
    """The form, with the refusal among its errors whatever is filled in."""

    class Refused(form_class):
        def full_clean(self) -> None:
            super().full_clean()
            if self.is_bound:
                refusal.add_to(self)

    return Refused
