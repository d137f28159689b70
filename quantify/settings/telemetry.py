"""What is told of the running product: logs and metrics."""

from typing import Any

from quantify.settings.environment import env

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
