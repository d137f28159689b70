"""
Settings shared by every environment; values come from the environment, once.

`.env.example` lists every name with its meaning and default.
"""

from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from django.utils.csp import CSP
from redis.backoff import NoBackoff
from redis.retry import Retry

from quantify import connections
from quantify.settings.portal import (  # noqa: F401  (read by the portal and the lockout)
    AXES_LOCKOUT_TEMPLATE,
    UNFOLD,
)

BASE_DIR = Path(__file__).resolve().parents[2]

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Safety -------------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
X_FRAME_OPTIONS = "DENY"
# Forms carry the token in a field; no script reads the cookie.
CSRF_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
# Networks of proxies whose X-Forwarded-For is believed; without any, none is.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
# The largest body of a request, in bytes, and of one that brings a file.
MAX_BODY_BYTES = env.int("MAX_BODY_BYTES", default=1024 * 1024)
MAX_IMPORT_BYTES = env.int("MAX_IMPORT_BYTES", default=12 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# Requests in seconds: of one address in all; of one person or key reading, writing, and moving
# money; attempts to sign in from one address, and with one name.
THROTTLES: dict[str, str] = {
    "address": env.str("THROTTLE_ADDRESS", default="6000/60"),
    "read": env.str("THROTTLE_READ", default="1200/60"),
    "write": env.str("THROTTLE_WRITE", default="300/60"),
    "money": env.str("THROTTLE_MONEY", default="120/60"),
    "sign-in": env.str("THROTTLE_SIGN_IN", default="20/60"),
}
# How many passwords a process hashes at once, and how many seconds others wait for their turn.
PASSWORD_HASHES_AT_ONCE = env.int("PASSWORD_HASHES_AT_ONCE", default=2)
PASSWORD_HASH_PATIENCE = env.float("PASSWORD_HASH_PATIENCE", default=2.0)
SESSION_COOKIE_AGE = env.int("SESSION_IDLE_SECONDS", default=15 * 60)
SESSION_ABSOLUTE_SECONDS = env.int("SESSION_ABSOLUTE_SECONDS", default=12 * 3600)
SESSION_SAVE_EVERY_REQUEST = True
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SECURE_CSP = {
    "default-src": [CSP.SELF],
    # The portal's Alpine build evaluates its attribute expressions.
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "frame-ancestors": [CSP.NONE],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.SELF],
    "object-src": [CSP.NONE],
}

# --- The house ----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "quantify.stack.apps.StackConfig",
    "quantify.demo.apps.DemoConfig",
    "accounts",
    "notifications",
    "estates",
    "units",
    "meters",
    "rates",
    "wallets",
    "payments",
    "reports",
]
MIDDLEWARE = [
    "quantify.api.request_id.RequestIdMiddleware",
    "quantify.api.observing.ObservingMiddleware",
    "quantify.api.response_headers.ResponseHeadersMiddleware",
    "quantify.api.gate.GateMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.audit.AuditMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "quantify.urls"
WSGI_APPLICATION = "quantify.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"portal": "quantify.portal.tags"},
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database, cache, queue ---------------------------------------------------------------------
DATABASE_URL: str = env.str("DATABASE_URL", default="")
DATABASES = {"default": env.db_url_config(DATABASE_URL) if DATABASE_URL else {}}
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 0,
    # A connection that did not survive a restart of the server is replaced, not handed out.
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
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
VALKEY_PATIENCE = 0.5
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

# --- People -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.security_events.NotesPasswords"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = env.int("LOCKOUT_FAILURES", default=5)
AXES_COOLOFF_TIME = env.float("LOCKOUT_HOURS", default=0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "accounts.lockout.name_tried"
AXES_HTTP_RESPONSE_CODE = 429
AXES_CLIENT_IP_CALLABLE = "quantify.api.addresses.of"
BASIC_AUTH_REALM: str = env.str("BASIC_AUTH_REALM", default="Quantify Admin")
# A staff account asks for a code from an authenticator app besides the password.
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=False)
# Whether HTTP Basic is enough for an account that the portal asks a code from.
BASIC_AUTH_WITHOUT_CODE = env.bool("BASIC_AUTH_WITHOUT_CODE", default=False)
BASIC_AUTH_REMEMBER_SECONDS = env.int("BASIC_AUTH_REMEMBER_SECONDS", default=300)

# --- API ----------------------------------------------------------------------------------------
DEFAULT_PAGE_SIZE = env.int("DEFAULT_PAGE_SIZE", default=20)
MAX_PAGE_SIZE = env.int("MAX_PAGE_SIZE", default=100)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.PasswordAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["quantify.api.permissions.RolePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["quantify.api.throttles.PersonThrottle"],
    "DEFAULT_PAGINATION_CLASS": "quantify.api.pagination.EnvelopePagination",
    "DEFAULT_FILTER_BACKENDS": ["quantify.api.filters.StrictFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "quantify.api.refusals.handle",
    "COERCE_DECIMAL_TO_STRING": True,
    # What an answer is written in is asked for by `Accept`.
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Quantify API",
    "DESCRIPTION": "Prepaid utility metering for residential estates.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "quantify.api.examples.add",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Work in the background ---------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 2 * VALKEY_PATIENCE,
    "socket_connect_timeout": 2 * VALKEY_PATIENCE,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "quantify"
# A resident who paid waits for the light: not behind a collection that takes its time.
CELERY_TASK_ROUTES = {
    "wallets.tasks.control_credit": {"queue": "control"},
    "wallets.tasks.send_commands": {"queue": "control"},
}
CELERY_TIMEZONE = "Africa/Johannesburg"
COLLECTION_SECONDS = env.int("COLLECTION_SECONDS", default=15 * 60)
UPLINK_RETENTION_DAYS = env.int("UPLINK_RETENTION_DAYS", default=180)
CELERY_BEAT_SCHEDULE = {
    "collect every concentrator": {
        "task": "meters.tasks.collect_all",
        "schedule": COLLECTION_SECONDS,
    },
    "bill what was metered": {"task": "wallets.tasks.bill", "schedule": COLLECTION_SECONDS},
    "decide credit": {"task": "wallets.tasks.control_credit", "schedule": 60.0},
    "send commands that are due": {"task": "wallets.tasks.send_commands", "schedule": 10.0},
    "reconcile relays": {"task": "wallets.tasks.reconcile_relays", "schedule": 15 * 60.0},
    "deliver notifications": {"task": "notifications.tasks.deliver", "schedule": 30.0},
    "make partitions ahead": {"task": "meters.tasks.make_partitions", "schedule": 6 * 3600.0},
    "check finished days": {"task": "meters.tasks.check_meters", "schedule": 300.0},
    "price findings": {"task": "wallets.tasks.price_findings", "schedule": 300.0},
    "raise alerts": {"task": "meters.tasks.raise_alerts", "schedule": 300.0},
    "read uplinks that were left": {"task": "meters.tasks.read_uplinks", "schedule": 60.0},
    "forget old answers": {
        "task": "accounts.tasks.forget_old_answers",
        "schedule": crontab(hour=3, minute=45),
    },
    "delete old uplinks": {
        "task": "meters.tasks.purge_uplinks",
        "schedule": crontab(hour=3, minute=15),
    },
    "close the accounts of the day": {
        "task": "wallets.tasks.close_accounts",
        "schedule": crontab(hour=2, minute=0),
    },
    "close the months that are over": {
        "task": "wallets.tasks.close_months",
        "schedule": crontab(hour=3, minute=0),
    },
    "tell of water in debt": {
        "task": "wallets.tasks.tell_of_debts",
        "schedule": crontab(hour=9, minute=0),
    },
    "tell of statements": {
        "task": "wallets.tasks.tell_of_statements",
        "schedule": crontab(hour=8, minute=0),
    },
    "add up the ledger": {
        "task": "wallets.tasks.verify_ledger",
        "schedule": crontab(hour=2, minute=30),
    },
}

# --- Messages -----------------------------------------------------------------------------------
# SMS and push have no provider yet: name an adapter of `notifications.channels.Channel` here.
NOTIFICATION_CHANNELS: dict[str, str] = {
    "email": "notifications.channels.email.Email",
    "sms": env.str("SMS_CHANNEL", default="notifications.channels.unconfigured.Unconfigured"),
    "push": env.str("PUSH_CHANNEL", default="notifications.channels.unconfigured.Unconfigured"),
}

# --- Words, time, files -------------------------------------------------------------------------
LANGUAGE_CODE = "en-za"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "Africa/Johannesburg"
FORMAT_MODULE_PATH = "quantify.locale"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MAILERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="quantify@localhost")
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "quantify.api.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "axes": {"level": "ERROR"},
        # One line a request, which production alone keeps.
        "quantify.requests": {"level": "WARNING"},
    },
}
# Who may read /metrics: who sends the token, and addresses of these networks; else nobody.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
METRICS_NETWORKS: list[str] = env.list("METRICS_NETWORKS", default=[])
# Read by prometheus-client itself: where the processes of one installation leave their counts.
METRICS_FOLDER: str = env.str("PROMETHEUS_MULTIPROC_DIR", default="")

# --- What is kept encrypted, and keys of meters ---------------------------------------------------
# Fernet keys, the newest first; without any nothing can be sealed.
SEALING_SECRETS: list[str] = env.list("SEALING_SECRETS", default=[])
# Who we are to meters with keys: eight octets, never the same in two installations that share them.
DLMS_SYSTEM_TITLE: str = env.str("DLMS_SYSTEM_TITLE", default="5154590000000001")

# --- Rehearsed crashes (`quantify.crash_points`): none, unless the settings of a test ask ---------
CRASH_AT = ""

# --- The demonstration --------------------------------------------------------------------------
SIMULATORS = Path(env.str("SIMULATORS", default=str(BASE_DIR / "var" / "simulators")))
SIMULATOR_PORT = env.int("SIMULATOR_PORT", default=14059)
