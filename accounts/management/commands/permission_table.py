"""Write docs/permissions.md."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts import permission_table


class Command(BaseCommand):
    help = "Write docs/permissions.md from the permission table in code."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "permissions.md"
        path.write_text(permission_table.rendered())
        self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}.")
