"""Database, cache and queue."""

from redis.backoff import NoBackoff
from redis.retry import Retry

from quantify import connections
from quantify.settings.environment import env

DATABASE_URL: str = env.str("DATABASE_URL", default="")
DATABASES = {"default": env.db_url_config(DATABASE_URL) if DATABASE_URL else {}}
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 0,
    # A connection that did not survive a restart of the server is replaced, not handed out.
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        # A statement that comes again is planned once a connection, not with each request.
        "server_side_binding": True,
        "prepare_threshold": 5,
        "pool": {
            "min_size": env.int("DB_POOL_MIN_SIZE", default=1),
            "max_size": env.int("DB_POOL_SIZE", default=8),
            "timeout": env.int("DB_POOL_TIMEOUT", default=10),
            # Beyond this a lost server is tried anew with each request, without growing pauses.
            "reconnect_timeout": 2,
            "check": connections.check,
        },
    },
}
REDIS_URL: str = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
# Seconds that a request waits for a Valkey that hangs.
VALKEY_PATIENCE = 0.25
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "quantify",
        # What it would have told is found in the database; nobody waits for it.
        "OPTIONS": {
            "socket_timeout": VALKEY_PATIENCE,
            "socket_connect_timeout": VALKEY_PATIENCE,
            "retry": Retry(NoBackoff(), 0),
        },
    },
}
