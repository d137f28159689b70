"""Who may ask from where, how often and how much: hosts, limits, sessions, content policy."""

from django.utils.csp import CSP

from quantify.settings.environment import env

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
SESSION_ENGINE = "accounts.session_store"
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
