"""
Requests counted for Prometheus.

Each process counts for itself. Where several serve, `PROMETHEUS_MULTIPROC_DIR` names a folder in
which they leave their counts, which `quantify.stack.web` sees to; a scrape then adds them up.
Without it a scrape tells of the process that happened to answer.
"""

from django.conf import settings
from prometheus_client import CollectorRegistry, Histogram, multiprocess
from prometheus_client.registry import Collector

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
REGISTRY = CollectorRegistry()
REQUESTS = Histogram(
    "quantify_request_seconds",
    "How long requests took, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=REGISTRY,
)


def collected(*others: Collector) -> CollectorRegistry:
    """The requests of all processes, and what other collectors tell at the time of the scrape."""
    registry = CollectorRegistry()
    if settings.METRICS_FOLDER:
        multiprocess.MultiProcessCollector(registry, path=settings.METRICS_FOLDER)  # type: ignore[no-untyped-call]
    else:
        registry.register(REQUESTS)
    for other in others:
        registry.register(other)
    return registry
