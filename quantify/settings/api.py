"""The API's framework, and the document that tells of it."""

from quantify.settings.environment import env

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
    "DEFAULT_PARSER_CLASSES": ["quantify.api.parsing.JsonParser"],
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
        "quantify.api.schema.widen",
        "quantify.api.examples.add",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
