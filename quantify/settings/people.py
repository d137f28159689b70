"""How people sign in."""

from quantify.settings.environment import env

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
AXES_CLIENT_IP_CALLABLE = "quantify.api.addresses.counted_as"
BASIC_AUTH_REALM: str = env.str("BASIC_AUTH_REALM", default="Quantify Admin")
# A staff account asks for a code from an authenticator app besides the password.
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=False)
# Whether HTTP Basic is enough for an account that the portal asks a code from.
BASIC_AUTH_WITHOUT_CODE = env.bool("BASIC_AUTH_WITHOUT_CODE", default=False)
BASIC_AUTH_REMEMBER_SECONDS = env.int("BASIC_AUTH_REMEMBER_SECONDS", default=300)
