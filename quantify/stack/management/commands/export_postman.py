import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from quantify.api import documents, postman

FILE = Path(settings.BASE_DIR, "docs", "quantify.postman_collection.json")


class Command(BaseCommand):
    help = "Write the API as a Postman collection; with --check only say whether it is current."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *_: Any, check: bool, **__: Any) -> None:
        text = json.dumps(
            postman.collection(documents.openapi()), indent=1, ensure_ascii=False, sort_keys=False
        )
        if not check:
            FILE.write_text(f"{text}\n")
            self.stdout.write(f"{FILE.relative_to(settings.BASE_DIR)} is written.")
        elif not FILE.exists() or FILE.read_text() != f"{text}\n":
            self.stderr.write("The collection is not current: run manage.py export_postman.")
            raise SystemExit(1)
