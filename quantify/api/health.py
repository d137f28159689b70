"""Whether the process lives and whether it can serve; without credentials and details."""

import logging
import threading
from http import HTTPStatus

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import extend_schema, inline_serializer
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from quantify.api import problems
from quantify.api.problems import Problem
from quantify.api.views import View, told

logger = logging.getLogger(__name__)
_migrated = threading.Event()
NOT_READY = problems.define(
    "not_ready", HTTPStatus.SERVICE_UNAVAILABLE, "Not ready",
    "The service runs but cannot serve now; ask again in a moment.",
)  # fmt: skip
STATE = inline_serializer("Health", {"status": serializers.ChoiceField(choices=["ok"])})


class Live(View):
    """The process answers."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="health_live", responses=STATE)
    def get(self, request: Request) -> Response:
        return told({"status": "ok"})


class Ready(View):
    """The database and the cache answer too, and the database is of this version."""

    authentication_classes = ()
    permission_classes = ()
    refusals = {"get": (NOT_READY,)}

    @extend_schema(operation_id="health_ready", responses=STATE)
    def get(self, request: Request) -> Response:
        if _database_answers() and _cache_answers() and _is_migrated():
            return told({"status": "ok"})
        raise Problem(NOT_READY)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.exception("The database does not answer")
        return False
    return True


def _is_migrated() -> bool:
    """Whether every migration of this version was applied; asked until it is so once."""
    if _migrated.is_set():
        return True
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        logger.warning("Migrations of this version are not applied yet")
        return False
    _migrated.set()
    return True


def _cache_answers() -> bool:
    try:
        cache.get("health")
    except RedisError:
        logger.exception("The cache does not answer")
        return False
    return True
