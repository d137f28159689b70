"""The page of a finding: its surroundings, and the decisions that are offered."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.tests.factories import UserFactory
from meters.models import Finding
from meters.tests.recording import new_meter, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding() -> Finding:
    meter = new_meter()
    record(meter, {0: 5000, 1: 5100, 2: 10, 3: 60})
    return Finding.objects.get()


@pytest.fixture
def client(finding) -> Client:
    user = UserFactory.create(role=roles.PROPERTY_MANAGER)
    finding.meter.estate.memberships.create(user=user)
    client = Client()
    client.force_login(user)
    return client


def test_shows_what_surrounds_it_and_decides(client, finding):
    url = reverse("admin:meters_finding_change", args=[finding.pk])

    shown = client.get(url)
    assert shown.status_code == 200
    assert "The register went back to 0.010" in shown.content.decode()
    assert "q-quarter-" in shown.content.decode()
    accept = reverse("admin:meters_finding_accept", args=[finding.pk])
    assert client.get(accept).status_code == 200
    edit = reverse("admin:meters_finding_edit_reading", args=[finding.pk])
    assert client.get(edit).status_code == 200
    assert client.post(accept, {"reason": "New battery."}).status_code == 302

    finding.refresh_from_db()
    assert (finding.resolution, finding.note) == ("accepted", "New battery.")
    assert client.get(url).status_code == 200
