"""Settings for production: everything secret or local must be given by the environment."""

from quantify.settings.base import *  # noqa: F403
from quantify.settings.base import BASE_DIR, LOG_LEVEL, LOGGING
from quantify.settings.environment import env

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
DATABASE_URL = env.str("DATABASE_URL")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
# Only where a proxy that ends TLS sets the header itself, whatever a client sent.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https")
    if env.bool("TRUST_FORWARDED_PROTO", default=False)
    else None
)
# Health is asked from inside; the rest of the API refuses what came unencrypted
# (quantify.api.gate) instead of leading it on.
SECURE_REDIRECT_EXEMPT = [r"^api/"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"
STATIC_ROOT = BASE_DIR / "var" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.str("EMAIL_HOST", default="localhost"),
            "port": env.int("EMAIL_PORT", default=25),
            "username": env.str("EMAIL_USER", default=""),
            "password": env.str("EMAIL_PASSWORD", default=""),
            "use_tls": env.bool("EMAIL_USE_TLS", default=False),
            "timeout": env.int("EMAIL_TIMEOUT", default=10),
        },
    },
}
# One JSON object a line. Django's lines about single requests end in their path, which may hold
# anything; `quantify.requests` tells the same by route.
LOGGING["handlers"]["console"]["formatter"] = "json"
LOGGING["loggers"] |= {
    "quantify.requests": {"level": LOG_LEVEL},
    "django.request": {"level": "ERROR"},
    "django.security": {"level": "ERROR"},
    "axes": {"level": "CRITICAL"},
}
