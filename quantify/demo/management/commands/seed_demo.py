"""Fill an empty database with the demonstration; see `quantify.demo.seeding`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quantify.demo import seeding


class Command(BaseCommand):
    help = (
        "Make the demonstration: two estates with 90 days of history. Running it again changes "
        "nothing; a database that holds other estates is refused."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            seeding.seed(now=timezone.now(), say=self.stdout.write)
        except seeding.DatabaseNotEmpty as error:
            raise CommandError(str(error)) from error
