"""Run the whole product on this machine: embedded servers, web, worker, beat, simulators."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quantify.stack import demo
from quantify.stack.instance import CHECKOUT, Instance
from quantify.stack.refusals import REFUSALS


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = []  # the children check; this only starts them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            demo.up(Instance.at(CHECKOUT / "var"), port=options["port"])
        except REFUSALS as error:
            raise CommandError(str(error)) from error
