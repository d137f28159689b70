"""Compare the calendars' holidays with the country's; see `rates.holiday_check`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from quantify.periods import local_day
from rates import holiday_check, pricing


class Command(BaseCommand):
    help = "Check that the calendars name every public holiday. Fails with what is missing."

    def handle(self, *_: Any, **__: Any) -> None:
        calendars = pricing.calendars().values()
        found = holiday_check.check(calendars, today=local_day(timezone.now()))
        for one in found:
            (self.stderr if one.is_failure else self.stdout).write(str(one))
        failures = sum(one.is_failure for one in found)
        if failures:
            raise CommandError(f"{failures} things to put right in the calendars.")
