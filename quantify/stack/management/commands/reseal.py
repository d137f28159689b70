from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quantify import sealing


class Command(BaseCommand):
    help = "Encrypt all that is kept sealed anew, after a new key was put first in SEALING_SECRETS."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            resealed = sealing.reseal()
        except sealing.NoSecret as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        for name, number in resealed.items():
            self.stdout.write(f"{name}: {number} encrypted anew.")
