"""What every stored record shares: an id, its two times, and being archived instead of deleted."""

from collections import defaultdict
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, router
from django.db.models.functions import UUID7, Now

from quantify import uniqueness
from quantify.ids import uuid7


class Record(models.Model):
    """A row with a time-sorted UUID that the API may show."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUID7(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now(), editable=False)

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Any = None) -> None:
        """
        As Django does, but that what is wrong is known by its fields.

        :raises ValidationError: of `uniqueness.Duplicate` where another row is in the way; under
            its field where a rule is about one alone.
        """
        using = router.db_for_write(type(self), instance=self)
        errors: defaultdict[str, list[ValidationError]] = defaultdict(list)
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    constraint.validate(model, self, exclude=exclude, using=using)
                except ValidationError as error:
                    if names := uniqueness.fields_of(model, constraint):
                        errors[NON_FIELD_ERRORS].append(uniqueness.Duplicate(error, names))
                    else:
                        errors[_field_meant(constraint)].append(error)
        if errors:
            raise ValidationError(dict(errors))


def _field_meant(constraint: models.BaseConstraint) -> str:
    """The field that a rule is about, if it is about one alone."""
    rule = getattr(constraint, "condition", None)
    fields = rule.referenced_base_fields if isinstance(rule, models.Q) else ()
    return next(iter(fields)) if len(fields) == 1 else NON_FIELD_ERRORS


class Archivable(Record):
    """A record a person may delete and restore; facts that hang on it stay."""

    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
