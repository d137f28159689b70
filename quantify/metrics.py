"""
`/metrics` for Prometheus: requests, and what stands in the database and should not stand long.

Closed unless `METRICS_TOKEN` (sent as `Authorization: Bearer`) or `METRICS_NETWORKS` opens it.
"""

import hmac
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from meters.models import Command, Meter
from meters.models.devices import CommunicationStatus
from notifications.models import Delivery, Notification
from quantify.api import addresses, guesses, metrics
from wallets.billing import runs
from wallets.proving import verification

UNSENT = (Command.State.QUEUED, Command.State.RETRYING)


@require_safe
def scrape(request: HttpRequest) -> HttpResponse:
    """What Prometheus asks; to everybody else there is nothing here."""
    if not _may_scrape(request):
        raise Http404
    registry = metrics.collected(Backlog(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    return _is_of_a_network(request) or _has_token(request)


def _is_of_a_network(request: HttpRequest) -> bool:
    try:
        address = ip_address(addresses.of(request))
    except ValueError:
        return False
    return any(address in ip_network(one) for one in settings.METRICS_NETWORKS)


def _has_token(request: HttpRequest) -> bool:
    """
    Whether the token came. After some wrong ones from an address none of it is looked at.

    A person chose the token, so that it may be one that can be guessed.
    """
    token, given = settings.METRICS_TOKEN, request.headers.get("Authorization", "")
    if not token or not given:
        return False
    limits = {f"wrong-token:{addresses.counted_as(request)}": settings.AXES_FAILURE_LIMIT}
    is_right = hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if is_right and not guesses.are_too_many(limits):
        return True
    guesses.note(request, "metrics", limits, seconds=guesses.cool_off_seconds())
    return False


class Backlog(Collector):
    """Lags and counts as they stand in the database, whatever process is asked."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._age(
            "quantify_outbox_age_seconds",
            "How long the oldest message that is due waits.",
            Notification.objects.filter(
                state=Notification.State.DUE, due_at__lte=self.now
            ).aggregate(at=Min("due_at"))["at"],
        )
        yield self._age(
            "quantify_delivery_age_seconds",
            "How long the oldest delivery of a message that is due waits.",
            Delivery.objects.filter(state=Delivery.State.DUE, due_at__lte=self.now).aggregate(
                at=Min("due_at")
            )["at"],
        )
        yield self._age(
            "quantify_command_age_seconds",
            "How long the oldest command to a meter waits past the time it is due.",
            Command.objects.filter(state__in=UNSENT, due_at__lte=self.now).aggregate(
                at=Min("due_at")
            )["at"],
        )
        yield GaugeMetricFamily(
            "quantify_unbilled_bills",
            "Bills whose readings or prices changed since they were last brought up to date.",
            runs.waiting(now=self.now),
        )
        yield from self._ledger()
        yield self._meters()

    def _age(self, name: str, words: str, since: datetime | None) -> GaugeMetricFamily:
        seconds = (self.now - since).total_seconds() if since else 0.0
        return GaugeMetricFamily(name, words, max(seconds, 0.0))

    def _ledger(self) -> Iterator[GaugeMetricFamily]:
        """Without a figure where nobody knows: an alarm for its absence is due as well."""
        try:
            told = cache.get(verification.LAST_OUTCOME)
        except RedisError:
            return
        if told is not None:
            at, differences = told
            yield self._age(
                "quantify_ledger_check_age_seconds", "Since the ledger was added up.", at
            )
            yield GaugeMetricFamily(
                "quantify_ledger_differences", "What did not agree then.", differences
            )

    def _meters(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "quantify_meters", "Meters in use by how they answer.", labels=["status"]
        )
        rows = Meter.objects.alive().values_list("communication_status").annotate(Count("pk"))
        numbers = dict(rows.order_by())
        for status in CommunicationStatus.values:
            family.add_metric([status], numbers.get(status, 0))
        return family
