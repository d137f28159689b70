"""
Settings shared by every environment; values come from the environment, once.

Each purpose has its module beside this one; `.env.example` lists every name with its meaning and
default.
"""

from pathlib import Path

from quantify.settings.api import *  # noqa: F403
from quantify.settings.background import *  # noqa: F403
from quantify.settings.environment import env
from quantify.settings.messages import *  # noqa: F403
from quantify.settings.people import *  # noqa: F403
from quantify.settings.portal import (  # noqa: F401  (read by the portal and the lockout)
    AXES_LOCKOUT_TEMPLATE,
    UNFOLD,
)
from quantify.settings.security import *  # noqa: F403
from quantify.settings.servers import *  # noqa: F403
from quantify.settings.telemetry import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parents[2]
DEBUG = False

# --- The house ------------------------------------------------------------------------------------
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
    "accounts.sessions.PortalSessionMiddleware",
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

# --- Words, time, files ---------------------------------------------------------------------------
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

# --- What is kept encrypted, and keys of meters ---------------------------------------------------
# Fernet keys, the newest first; without any nothing can be sealed.
SEALING_SECRETS: list[str] = env.list("SEALING_SECRETS", default=[])
# Who we are to meters with keys: eight octets, never the same in two installations that share them.
DLMS_SYSTEM_TITLE: str = env.str("DLMS_SYSTEM_TITLE", default="5154590000000001")

# --- Rehearsed crashes (`quantify.crash_points`): none, unless the settings of a test ask ---------
CRASH_AT = ""

# --- The demonstration ----------------------------------------------------------------------------
SIMULATORS = Path(env.str("SIMULATORS", default=str(BASE_DIR / "var" / "simulators")))
SIMULATOR_PORT = env.int("SIMULATOR_PORT", default=14059)
